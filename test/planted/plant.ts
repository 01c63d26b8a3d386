/**
 * Plants the bug named by SAMSA_PLANT: `node --import ./test/planted/plant.ts test/sim.ts`. The source is changed while it is loaded; on the disk
 * it stays as it is.
 */
import { registerHooks } from 'node:module'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { plantedBugs } from './bugs.ts'

const root = resolve(import.meta.dirname, '../..')
const bug = plantedBugs.find(({ name }) => name === process.env.SAMSA_PLANT)
if (bug === undefined)
  throw new Error(`SAMSA_PLANT: ${plantedBugs.map(({ name }) => name).join(', ')}`)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.startsWith('file:')) return loaded
    const file = relative(root, fileURLToPath(url))
    const edits = bug.edits.filter(edit => edit.file === file)
    if (edits.length === 0) return loaded
    let source = new TextDecoder().decode(loaded.source as Uint8Array)
    for (const { find, replace } of edits) {
      if (source.split(find).length !== 2)
        throw new Error(`${bug.name}: not once in ${file}: ${find}`)
      source = source.replace(find, () => replace)
    }
    return { ...loaded, source }
  },
})
