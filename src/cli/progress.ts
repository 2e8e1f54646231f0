// What is going on, on a terminal only: one line that is overwritten and wiped at the end.
import type { Terminal } from './command.ts'

export interface Progress {
  show(text: string): void
  done(): void
}

const WIPE = '\r\u001b[K'

export function progressOn(terminal: Terminal): Progress {
  let shown = false
  return {
    show(text) {
      if (!terminal.interactive) return
      shown = true
      terminal.err(`${WIPE}${text}`)
    },
    done() {
      if (shown) terminal.err(WIPE)
      shown = false
    },
  }
}
