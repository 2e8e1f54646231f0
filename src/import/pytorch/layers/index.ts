export * from './module.ts'
export * from './table.ts'
