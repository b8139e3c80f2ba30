import type { Catalog, Column } from '../../src/catalog/catalog.js'

const SAMPLES: Readonly<Record<string, string>> = {
  smallint: '1',
  integer: '1',
  bigint: '1',
  numeric: '1.5',
  real: '1.5',
  'double precision': '1.5',
  boolean: 't',
  text: 'a',
  'character varying': 'a',
  character: 'a',
  uuid: '00000000-0000-4000-8000-000000000001',
  date: '2020-01-02',
  'timestamp without time zone': '2020-01-02 03:04:05',
  'timestamp with time zone': '2020-01-02 03:04:05+00',
  interval: '1 day',
  json: '{}',
  jsonb: '{}',
  bytea: '\\x61',
  inet: '127.0.0.1',
  ltree: '0.1',
}

/** A value that a column takes, as text; null where none is known for its type. */
export function sampleValue(catalog: Catalog, { type, typeOid }: Column): string | null {
  if (type.endsWith('[]')) return '{}'
  const sample = SAMPLES[type.replace(/\(\d[^)]*\)/, '').replace(/^.*\./, '')]
  if (sample !== undefined) return sample
  const named = catalog.objectByOid.get(typeOid)
  return named?.kind === 'enum' ? (named.shape[0] ?? null) : null
}
