// What some models have and others do without, fetched when a model needs it.
import type { TableFeeds } from './feed-table.ts'
import type { Device } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import type { ModelParts } from './model.ts'

/** What runs beside the host, on devices that have it. */
export async function acceleratedOn({ accelerator }: Device): Promise<Pick<ModelParts, 'accelerated'>> {
  return accelerator === undefined ? {} : { accelerated: (await import('./accelerated.ts')).acceleratedBy(accelerator) }
}

/** What reads rows by column name, where the model has named columns. */
export async function tableFeedsFor({ metadata }: Graph): Promise<TableFeeds | undefined> {
  return metadata.columns === undefined ? undefined : (await import('./feed-table.ts')).tableFeeds
}
