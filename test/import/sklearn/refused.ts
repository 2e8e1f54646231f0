// Fixtures that are refused so far, with the code they are refused with. Whoever adds an importer takes its cases off.
export const REFUSED: ReadonlyMap<string, string> = new Map([
])
