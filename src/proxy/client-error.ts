import type { Buffer } from 'node:buffer'
import type { ErrorFields, Refusal } from '../rewrite/outcome.js'
import { toByteString } from '../sql/byte-string.js'
import { encodeErrorResponse } from '../wire/backend.js'
import type { ClientError } from './contracts.js'

/** The fields of an error of our own making; values are ByteStrings. */
export function errorFields(error: ClientError, severity: 'ERROR' | 'FATAL' = 'ERROR'): ErrorFields {
  const fields = new Map([
    ['S', severity],
    ['V', severity],
    ['C', error.sqlstate],
    ['M', toByteString(error.message)],
  ])
  if (error.detail !== undefined) fields.set('D', toByteString(error.detail))
  if (error.hint !== undefined) fields.set('H', toByteString(error.hint))
  return fields
}

export function refusalFields(refusal: Refusal): ErrorFields {
  const { position, ...error } = refusal
  const fields = new Map(errorFields(error))
  if (position !== undefined) fields.set('P', String(position))
  return fields
}

/** An ErrorResponse after which the connection ends. */
export function fatalResponse(error: ClientError): Buffer {
  return encodeErrorResponse(errorFields(error, 'FATAL'))
}
