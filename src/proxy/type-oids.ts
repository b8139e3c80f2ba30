import type { Buffer } from 'node:buffer'
import type { TypeOids } from '../rewrite/type-oids.js'
import { Backend } from '../wire/message-types.js'
import { withColumnTypes, withParameterTypes, withTypes } from '../wire/type-oids.js'
import type { Epoch } from './epoch.js'
import type { Session } from './session.js'

/** The parameter types of a Parse as the server knows them; the same bytes where it knows them as the client does. */
export function typesForServer({ oids }: Pick<Epoch, 'oids'>, types: Buffer): Buffer {
  return (oids && withTypes(types, oids.toServer)) ?? types
}

/** True where types have the same oids under both: what was prepared under one is good under the other. */
export function hasSameTypes(one: Epoch, other: Epoch): boolean {
  return one.oids === other.oids || listOf(one.oids) === listOf(other.oids)
}

function listOf(oids: TypeOids | undefined): string {
  return oids === undefined ? '' : [...oids.toServer].join()
}

/** Sends a description of columns or parameters on with the oids that the client knows; false where it may pass as it is. */
export function describeForClient({ fromServer, toClient }: Session, oids: TypeOids): boolean {
  const { type, buffer, start, end } = fromServer
  const replaceIn =
    type === Backend.RowDescription
      ? withColumnTypes
      : type === Backend.ParameterDescription
        ? withParameterTypes
        : undefined
  const replaced = replaceIn?.(buffer, start, end, oids.toClient)
  if (replaced === undefined) return false
  toClient.put(replaced)
  return true
}
