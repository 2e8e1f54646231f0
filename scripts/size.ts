// `npm run size`: what the built package weighs, against budgets. `npm run check:package` does the same with the packed tarball.
import { checkBudgets } from './budgets.ts'

process.exitCode = checkBudgets('.') > 0 ? 1 : 0
