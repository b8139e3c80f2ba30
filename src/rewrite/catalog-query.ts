import type { ByteString } from '../sql/byte-string.js'
import { mentions } from '../sql/mentions.js'
import { nameTable } from '../sql/name-table.js'
import type { ScanOptions } from '../sql/scan.js'

// System catalogs show the new schema to every client: an app that looks at its tables there meets names that its version
// does not have. Drivers that look types up find what they look for.

const TYPES: ReadonlySet<string> = new Set(['pg_type'])

/** Read by drivers too, when they look types up. */
const SHARED: ReadonlySet<string> = new Set(['pg_class', 'pg_proc'])

const SHAPES: ReadonlySet<string> = new Set([
  ...['information_schema', 'pg_attribute', 'pg_attrdef', 'pg_constraint', 'pg_depend', 'pg_description', 'pg_index'],
  ...['pg_indexes', 'pg_inherits', 'pg_matviews', 'pg_sequence', 'pg_sequences', 'pg_tables', 'pg_trigger', 'pg_views'],
])

/** Names of which at least one is in every text for which `readsCatalog` is true. */
export const CATALOG_NAMES: ReadonlySet<string> = new Set([...SHARED, ...SHAPES])

const [types, shared, shapes, any] = [TYPES, SHARED, SHAPES, CATALOG_NAMES].map(nameTable) as [
  ReturnType<typeof nameTable>,
  ReturnType<typeof nameTable>,
  ReturnType<typeof nameTable>,
  ReturnType<typeof nameTable>,
]

/** Whether a text looks at the shapes of relations in the system catalogs: what it is told is the newest version's. */
export function readsCatalog(text: ByteString, options: ScanOptions): boolean {
  // One look is enough for nearly all texts.
  if (!mentions(text, any, options)) return false
  return mentions(text, shapes, options) || (mentions(text, shared, options) && !mentions(text, types, options))
}
