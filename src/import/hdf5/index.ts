// Reads HDF5 files as far as Keras and h5py write them: groups, attributes, datasets of numbers and texts.
import type { Tensor } from '../../tensor/index.ts'
import { hdf5Error } from './file.ts'
import { isDataset, readDataset } from './dataset.ts'
import { readObject, type Hdf5Object } from './header.ts'
import { linksOf } from './links.ts'
import { readSuperblock } from './superblock.ts'

export { attributeOf, textAttribute, textsAttribute } from './attributes.ts'
export { isDataset, readDataset }
export { linksOf as members }
export { isHdf5 } from './signature.ts'
export type { Hdf5Object }

/** The root group. Throws HDF5_SIGNATURE, HDF5_VERSION, HDF5_STRUCTURE, HDF5_OFFSET. */
export function openHdf5(bytes: Uint8Array): Hdf5Object {
  const { file, root } = readSuperblock(bytes)
  return readObject(file, root)
}

/** The member of a group along a path such as 'dense/vars/0'; undefined where there is none. */
export function memberAt(group: Hdf5Object, path: string): Hdf5Object | undefined {
  let object: Hdf5Object | undefined = group
  for (const name of path.split('/')) {
    if (name === '' || object === undefined) continue
    const address = linksOf(object).get(name)
    object = address === undefined ? undefined : readObject(object.file, address)
  }
  return object
}

/** The dataset along a path; throws HDF5_PATH where there is none. */
export async function datasetAt(group: Hdf5Object, path: string): Promise<Tensor> {
  const object = memberAt(group, path)
  if (object === undefined || !isDataset(object)) throw hdf5Error('HDF5_PATH', `there is no dataset ${JSON.stringify(path)}`)
  return readDataset(object)
}
