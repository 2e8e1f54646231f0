// The classes and functions that files of PyTorch may name. All become inert descriptions; none is called.
import { EXPORT_ADVICE, pytorchError } from './error.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))

const STORAGES = 'FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage UntypedStorage'
const DTYPES =
  'float32 float float64 double float16 half bfloat16 int8 int16 short int32 int int64 long uint8 uint16 uint32 uint64 bool complex32 complex64 complex128 cfloat cdouble ' +
  'qint8 quint8 qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu'
const LAYOUTS = 'strided per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric sparse_coo sparse_csr'

const TABLE: ReadonlyMap<string, ReadonlySet<string>> = /* @__PURE__ */ new Map([
  ['torch', words(`Tensor Size device Generator serialization ${STORAGES} ${DTYPES} ${LAYOUTS}`)],
  ['torch.cuda', words(STORAGES)],
  ['torch.storage', words('UntypedStorage TypedStorage _UntypedStorage _TypedStorage')],
  ['torch._utils', words(
    '_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_nested_tensor ' +
    '_rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy',
  )],
  ['torch._tensor', words('_rebuild_from_type_v2 Tensor')],
  ['torch.nn.parameter', words('Parameter Buffer UninitializedParameter')],
  ['torch.serialization', words('_get_layout')],
  ['torch.jit._pickle', words('build_intlist build_doublelist build_boollist build_tensorlist build_tensor_from_id restore_type_tag')],
  ['datetime', words('datetime date timedelta')],
  ['argparse', words('Namespace')],
  ['pathlib', words('PosixPath WindowsPath PurePosixPath Path')],
])

/** `allow` of the pickle reader. A script's own classes live under `__torch__`; their code is in the archive. */
export function allowPytorch(isScript: boolean): (module: string, name: string) => boolean {
  return (module, name) => {
    if (TABLE.get(module)?.has(name) === true) return true
    if (isScript && (module === '__torch__' || module.startsWith('__torch__.'))) return true
    if (module === 'torch.nn.modules' || module.startsWith('torch.nn.modules.')) return true
    // The functions that torch.nn modules keep as attributes.
    if (module === 'torch.nn.functional' || (module === 'torch._C._nn' && /^[a-z_]+$/.test(name))) return true
    throw pytorchError('PYTORCH_GLOBAL', `the file names ${module}.${name}, which is neither data nor a layer of torch.nn; save the tensors alone with torch.save(model.state_dict(), ...), or ${EXPORT_ADVICE}`)
  }
}
