import { type Generation, headIndex } from './generation.js'

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
  const pair = (client: number | undefined, server: number | undefined) => {
    if (client === undefined || server === undefined || client === server) return
    toServer.set(client, server)
    toClient.set(server, client)
  }
  for (const object of catalog.objects ?? []) {
    if (object.kind === 'function') continue
    let now = object
    for (const { mapping } of steps) now = mapping.objects?.get(now.oid)?.after ?? now
    pair(object.oid, now.oid)
    pair(object.arrayOid, now.arrayOid)
  }
  return toServer.size === 0 ? undefined : { toServer, toClient }
}
