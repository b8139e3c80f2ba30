import { Buffer } from 'node:buffer'

// Each function gives the bytes with the oids of data types replaced, or undefined where none of them is in the map. Frames
// are whole, as [start, end) of a buffer, type byte and length included; what is cut short is left as it is.

const BODY = 5

/** A RowDescription with the types of its columns replaced. */
export function withColumnTypes(
  buffer: Buffer,
  start: number,
  end: number,
  oids: ReadonlyMap<number, number>,
): Buffer | undefined {
  let changed: Buffer | undefined
  let at = start + BODY + 2
  for (let left = buffer.readUInt16BE(start + BODY); left > 0; left--) {
    const nul = buffer.indexOf(0, at)
    // After the name: table oid (4), attnum (2), type oid (4), size (2), typmod (4), format (2).
    const type = nul + 1 + 6
    at = nul + 1 + 18
    if (nul < 0 || at > end) return undefined
    const oid = oids.get(buffer.readUInt32BE(type))
    if (oid === undefined) continue
    changed ??= Buffer.from(buffer.subarray(start, end))
    changed.writeUInt32BE(oid, type - start)
  }
  return changed
}

/** A ParameterDescription with its types replaced. */
export function withParameterTypes(
  buffer: Buffer,
  start: number,
  end: number,
  oids: ReadonlyMap<number, number>,
): Buffer | undefined {
  return replaceList(buffer, start, end, start + BODY, oids)
}

/** The end of a Parse, its count of parameter types and their oids, with the types replaced. */
export function withTypes(types: Buffer, oids: ReadonlyMap<number, number>): Buffer | undefined {
  return replaceList(types, 0, types.length, 0, oids)
}

/** A count of 2 bytes and as many oids, from `at` on. */
function replaceList(
  buffer: Buffer,
  start: number,
  end: number,
  at: number,
  oids: ReadonlyMap<number, number>,
): Buffer | undefined {
  let changed: Buffer | undefined
  for (let one = at + 2; one + 4 <= end; one += 4) {
    const oid = oids.get(buffer.readUInt32BE(one))
    if (oid === undefined) continue
    changed ??= Buffer.from(buffer.subarray(start, end))
    changed.writeUInt32BE(oid, one - start)
  }
  return changed
}
