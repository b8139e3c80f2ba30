import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { encodeCancelRequest } from '../wire/startup.js'
import { cancelHeld } from './held-cancel.js'
import type { ProxyContext } from './session.js'
import { connectUpstream } from './upstream.js'

/**
 * Answers a cancel request: work that the gate holds is cancelled here, anything else by the server. The client's
 * connection stays open until the server closes ours, since clients take its end to mean that the cancel has arrived.
 */
export async function answerCancel(context: ProxyContext, client: Socket, pid: number, key: Buffer): Promise<void> {
  const session = context.byPid.get(pid)
  if (session?.held === true && session.key !== undefined && sameKey(session.key.key, key)) {
    cancelHeld(session)
    client.destroySoon()
    return
  }
  const { options, limits } = context
  const connection = await connectUpstream(options.upstream, limits.connectMs)
  if ('error' in connection) {
    client.destroy()
    return
  }
  const { socket } = connection
  socket.once('error', () => socket.destroy())
  socket.once('close', () => client.destroySoon())
  socket.setTimeout(limits.connectMs, () => socket.destroy())
  socket.once('end', () => socket.end())
  socket.resume()
  socket.write(encodeCancelRequest(pid, key))
}

function sameKey(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
