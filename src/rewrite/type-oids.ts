import { type Generation, headIndex } from './generation.js'
import { seenOids } from './type-catalogs.js'

/** Oids of data types that were made anew since a version: what its clients call them, and what the server does. */
export interface TypeOids {
  /** By the oid that the client knows. */
  readonly toServer: ReadonlyMap<number, number>
  /** By the oid that the server has now. */
  readonly toClient: ReadonlyMap<number, number>
}

/**
 * The data types that clients of a version know by oids that are gone, array types among them; undefined where there is
 * none, so that nobody looks for any.
 *
 *     v0 mood (16390) -> v1 mood (16470) -> v2 mood (16512)  =>  of v0: 16390 is 16512
 */
export function typeOidsOf(generation: Generation, version: number): TypeOids | undefined {
  const catalog = generation.versions[version]?.catalog
  if (catalog === undefined || version >= headIndex(generation)) return undefined
  const steps = generation.steps.slice(version)
  if (!steps.some(({ mapping }) => mapping.objects !== undefined && mapping.objects.size > 0)) return undefined
  const toServer = new Map<number, number>()
  const toClient = new Map<number, number>()
  const moves = steps.map(({ mapping }, index) => {
    const after = generation.versions[version + index + 1]?.catalog ?? catalog
    return new Map(seenOids(mapping.objects?.values() ?? [], after).map(({ old, now }) => [old, now]))
  })
  const known = new Set((catalog.objects ?? []).flatMap(({ oid, arrayOid }) => [oid, arrayOid ?? oid]))
  const clients = [...new Set(moves.flatMap((move) => [...move.keys()]))]
  // Oids of types that came later mean something to the client only where they changed places with others.
  for (const client of [...clients.filter((oid) => known.has(oid)), ...clients.filter((oid) => !known.has(oid))]) {
    const server = moves.reduce((oid, move) => move.get(oid) ?? oid, client)
    if (client === server || toClient.has(server)) continue
    toServer.set(client, server)
    toClient.set(server, client)
  }
  return toServer.size === 0 ? undefined : { toServer, toClient }
}
