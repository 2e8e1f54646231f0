// The polynomials of src/math/erf.ts as assembly/parts/erf.ts reads them. Tests hold both to the same bits.
import type { WasmHost } from '../kernel.ts'
import { blockOnce, numbersAt } from './memory.ts'

const COEFFICIENTS = 17

interface Range {
  /** The lowest power first. */
  readonly polynomial: readonly number[]
  readonly head: number
  readonly tail: number
  /** What is taken from the argument. */
  readonly shift: number
}

const RANGES: readonly Range[] = [
  {
    // erfTail
    polynomial: [
      0.1283791670955126, -0.37612638903183754, 0.11283791670955119, -0.026866170645129195, 0.0052239776254091085, -0.0008548327020282098, 0.00012055332786789778, -1.4925642307895309e-5,
      1.646188646025385e-6, -1.6361401594512728e-7, 1.4748383049793128e-8, -1.1782540187183761e-9, 6.792271255793785e-11,
    ],
    head: 0, tail: 0, shift: 0,
  },
  {
    // scaledErfcA
    polynomial: [
      0, -0.31583389649084265, 0.18795692377318265, -0.10091439212598935, 0.04982841533131242, -0.022925811501034087, 0.00992277676573809, -0.004069537103430228, 0.0015904826599804477,
      -0.0005950908479964899, 0.00021396025188634245, -7.406804083041756e-5, 2.4818088752502277e-5, -8.486609789332904e-6, 2.667081891161544e-6,
    ],
    head: 0.464311583202669, tail: -1.851963727754574e-17, shift: 0.875,
  },
  {
    // scaledErfcB
    polynomial: [
      0, -0.1309763455144852, 0.05576363008708727, -0.02225999524138917, 0.008404319207329055, -0.0030209746513779716, 0.0010392045224333361, -0.0003435333546547611, 0.0001095052887596298,
      -3.375533949775925e-5, 1.0086679472532009e-5, -2.9280568541038017e-6, 8.271612171991292e-7, -2.2725398650427258e-7, 6.10957166942204e-8, -1.7231936922238056e-8, 4.417492923119904e-9,
    ],
    head: 0.2849722347374364, tail: 8.539813023973122e-18, shift: 1.75,
  },
  {
    // scaledErfcC
    polynomial: [
      0, -0.14295934043884223, -0.11537284741574183, 0.19568021007925826, -0.10262206224374276, -0.0966576742230637, 0.2759999782804278, -0.28477052393359015, 0.01887939049161577,
      0.48308171725680465, -0.9578351749288246, 0.924275487396759, 0.16045927546432665, -2.6821257687157654, 5.060763672825237,
    ],
    head: 0.5370034535441699, tail: -4.1391949202681846e-17, shift: 0.3333333333333333,
  },
  {
    // scaledErfcD
    polynomial: [
      0, -0.26248400402399213, 0.35476473241140244, -0.7664439937826207, 2.2285056345848426, -8.025156979494627, 34.088397823421786, -165.42960670655847, 896.7951461926826,
      -5319.83842044221, 34334.240438753106, -267881.737751069, 2006614.6803148899,
    ],
    head: 0.557300026124292, tail: -4.0580077482776254e-17, shift: 0.025329113126732174,
  },
]
const ROW = COEFFICIENTS + 3

/** Where the table lies in the host's memory. */
export function erfTable(host: WasmHost): number {
  return blockOnce(host, 'polynomials of erf', RANGES.length * ROW * 8, (to) => {
    const table = numbersAt(host, 'float64', to, RANGES.length * ROW)
    RANGES.forEach(({ polynomial, head, tail, shift }, row) => {
      const at = row * ROW
      for (let i = 0; i < COEFFICIENTS; i++) table[at + COEFFICIENTS - 1 - i] = polynomial[i] ?? 0
      table[at + COEFFICIENTS] = head
      table[at + COEFFICIENTS + 1] = tail
      table[at + COEFFICIENTS + 2] = shift
    })
  })
}
