// GPUBufferUsage and GPUMapMode by value: Dawn's bindings for Node do not put the names into the global scope.
export const MAP_READ = 0x0001
export const COPY_SRC = 0x0004
export const COPY_DST = 0x0008
export const UNIFORM = 0x0040
export const STORAGE = 0x0080
export const QUERY_RESOLVE = 0x0200
export const READ_MODE = 0x0001
/** GPUTextureUsage. */
export const TEXTURE_COPY_DST = 0x02
export const TEXTURE_BINDING = 0x04
export const RENDER_ATTACHMENT = 0x10
/** GPUShaderStage. */
export const COMPUTE = 0x0004
