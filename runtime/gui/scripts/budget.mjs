// Fails the build when the first load outgrows its budget. First load = index.html plus everything that the page after
// login (the overview) needs, its lazily loaded parts included.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const KB = 1000
const root = new URL('../', import.meta.url)
const at = path => fileURLToPath(new URL(path, root))

/** Size of a built file as a browser with brotli gets it. */
const transferred = path => statSync(existsSync(`${path}.br`) ? `${path}.br` : path).size

const manifest = JSON.parse(readFileSync(at('web/dist/manifest.json'), 'utf8'))

/** Files that a chunk needs before it runs: itself, its static imports and their style sheets. */
function collect(key, into) {
  const chunk = manifest[key]
  if (!chunk || into.has(chunk.file)) return into
  into.add(chunk.file)
  for (const sheet of chunk.css ?? []) into.add(sheet)
  for (const dependency of chunk.imports ?? []) collect(dependency, into)
  return into
}

function firstLoad(...keys) {
  const wanted = new Set(['index.html', 'theme.js'])
  for (const key of keys) collect(key, wanted)
  return [...wanted].filter(file => existsSync(at(`web/dist/${file}`))).reduce((sum, file) => sum + transferred(at(`web/dist/${file}`)), 0)
}

const overview = Object.keys(manifest).filter(key => /src\/(pages\/OverviewPage|charts\/EventsChart)\.tsx$/.test(key))
const checks = [
  ['login page', firstLoad('index.html'), 300 * KB],
  ['first load (shell, overview and its chart)', firstLoad('index.html', ...overview), 300 * KB],
  ['tracker, gzip', (existsSync(at("tracker/dist/liliput.min.js.gz")) ? statSync(at("tracker/dist/liliput.min.js.gz")).size : statSync(at("tracker/dist/liliput.min.js")).size), 8 * KB],
]
let failed = false
for (const [name, size, budget] of checks) {
  const verdict = size <= budget ? 'ok' : 'TOO BIG'
  failed ||= size > budget
  console.log(`${verdict.padEnd(8)}${name}: ${(size / KB).toFixed(1)} kB of ${budget / KB} kB`)
}
if (failed) {
  console.error('budget.mjs: make the named part smaller (look at what it imports), or split it off the first load')
  process.exit(1)
}
