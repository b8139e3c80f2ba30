import type { Origin } from './origin.js'
import type { PreparedStatement } from './prepared-statements.js'
import type { ExpectedReply, ReplyKind } from './reply-queue.js'

/** Expected replies that hold nothing of one message alone are made once, not per message. */
function standing(kind: ReplyKind): ExpectedReply {
  return Object.freeze({ kind, injected: false })
}

export const plain = Object.freeze({
  query: standing('query'),
  call: standing('call'),
  parse: standing('parse'),
  bind: standing('bind'),
  describe: standing('describe'),
  execute: standing('execute'),
  close: standing('close'),
  sync: standing('sync'),
  'copy-end': standing('copy-end'),
})

/** Those of one statement. `origin` is the statement itself, so an error is seen by what the statement then is. */
export function standingReplies(origin: Origin): PreparedStatement['replies'] {
  return {
    bind: { kind: 'bind', injected: false, origin },
    describe: { kind: 'describe', injected: false, origin },
    execute: { kind: 'execute', injected: false, origin },
  }
}
