// Writes a brotli and a gzip copy next to every compressible file of a build, so that the server never compresses.
import { readdirSync, readFileSync, statSync, writeFileSync, rmSync } from 'node:fs'
import { join, extname } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const COMPRESSIBLE = new Set(['.html', '.js', '.css', '.svg', '.json', '.map', '.txt', '.webmanifest'])

/** Every file below `folder`. */
function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* files(path)
    else yield path
  }
}

const folder = process.argv[2]
if (!folder) {
  console.error('compress.mjs: name the folder to compress, for example `node compress.mjs dist`')
  process.exit(2)
}
for (const path of [...files(folder)]) {
  if (!COMPRESSIBLE.has(extname(path))) continue
  const raw = readFileSync(path)
  const copies = {
    br: brotliCompressSync(raw, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
    }),
    gz: gzipSync(raw, { level: 9 }),
  }
  for (const [suffix, bytes] of Object.entries(copies)) {
    // A copy that saves nothing costs a byte of the binary for each byte of its own.
    if (bytes.length < raw.length * 0.95) writeFileSync(`${path}.${suffix}`, bytes)
    else rmSync(`${path}.${suffix}`, { force: true })
  }
}
