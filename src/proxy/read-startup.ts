import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { readStartupPacket, type StartupPacket } from '../wire/startup.js'
import { fatalResponse } from './client-error.js'
import type { ClientError } from './contracts.js'

/** The packet with which a connection says what it wants, and the bytes that came after it. */
export interface StartupRequest {
  readonly packet: Exclude<StartupPacket, { kind: 'ssl' | 'gssenc' }>
  readonly rest: Buffer
}

const NO = Buffer.from('N')

/**
 * Reads a connection up to its StartupMessage or CancelRequest and leaves it paused. Requests for encryption are answered
 * with N, each at most once. Undefined where the connection ended, or was refused and told so.
 */
export function readStartup(client: Socket): Promise<StartupRequest | undefined> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0)
    const asked = new Set<'ssl' | 'gssenc'>()

    const end = (request: StartupRequest | undefined) => {
      client.off('data', read).off('end', gone).off('close', gone)
      client.pause()
      resolve(request)
    }
    const gone = () => {
      client.destroy()
      end(undefined)
    }
    const refuse = (error: ClientError) => {
      client.end(fatalResponse(error))
      client.destroySoon()
      end(undefined)
    }
    const read = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const found = readStartupPacket(bytes)
      if (found.kind === 'incomplete') return
      if (found.kind === 'malformed') return refuse({ sqlstate: '08P01', message: found.reason })
      const { packet, size } = found
      const rest = bytes.subarray(size)
      if (packet.kind === 'startup' || packet.kind === 'cancel') return end({ packet, rest })
      if (asked.has(packet.kind)) {
        return refuse({ sqlstate: '08P01', message: `a second ${packet.kind === 'ssl' ? 'SSL' : 'GSSAPI'} request` })
      }
      // Sent before our answer, it was sent in plain text by someone who may not be the client (CVE-2021-23214).
      if (rest.length > 0) {
        return refuse({ sqlstate: '08P01', message: 'received unencrypted data after a request for encryption' })
      }
      asked.add(packet.kind)
      bytes = rest
      client.write(NO)
    }

    client.on('data', read).on('end', gone).on('close', gone)
    client.resume()
  })
}
