import type { Buffer } from 'node:buffer'
import { Backend } from '../wire/message-types.js'
import type { Origin } from './origin.js'

/**
 * What a message that was sent to the server will be answered with. `copy-end` stands for CopyDone and CopyFail, which
 * have no answer of their own but end the stretch in which a Sync is ignored.
 */
export type ReplyKind = 'query' | 'call' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync' | 'copy-end'

/** How a message ended: answered, answered by an error, or never looked at because the server skipped to a Sync. */
export type Settlement = 'done' | 'failed' | 'skipped'

/** The answer to one message, outstanding. */
export interface ExpectedReply {
  readonly kind: ReplyKind
  /** True for a message of ours, whose answer the client never sees. */
  readonly injected: boolean
  /** True where an error of our message is the answer to the client's next one. */
  readonly errorForClient?: boolean
  /** By what rewriting the message's SQL came about. */
  readonly origin?: Origin
  onSettled?(how: Settlement): void
  /** Each CommandComplete. */
  onTag?(tag: string): void
  /** Each frame of the answer, whole. */
  collect?(type: number, buffer: Buffer, start: number, end: number): void
}

/**
 * Knows which message each frame from the server answers, by the rules of PostgresMain: one answer per message; after an
 * error in an extended-query message everything up to the next Sync is skipped, a Query among it too; while the server
 * reads COPY data a Sync is ignored.
 */
export interface ReplyQueue {
  readonly head: ExpectedReply | undefined
  /** Something of the head's answer has been seen. */
  readonly begun: boolean
  /** Nothing outstanding, and no batch begun that lacks its Sync. */
  readonly idle: boolean
  /** Messages were sent that no Sync, Query or FunctionCall has followed. */
  readonly open: boolean
  /** The server ignores what is sent until a Sync. */
  readonly skipping: boolean
  /** The server reads COPY data. */
  readonly copyIn: boolean
  /** To be called for each message when it is sent. */
  send(expected: ExpectedReply): void
  /** To be called for each frame from the server, after looking at `head`. */
  receive(type: number): void
  /** The connection is lost: whatever is outstanding was skipped. */
  abandon(): void
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function createReplyQueue(): ReplyQueue {
  // outstanding[next] is the head; what lies before it is done with.
  let outstanding: ExpectedReply[] = []
  let next = 0

  const queue: Mutable<ReplyQueue> = {
    head: undefined,
    begun: false,
    idle: true,
    open: false,
    skipping: false,
    copyIn: false,

    send(expected) {
      const { kind } = expected
      if (kind === 'copy-end') {
        // Outside COPY the server drops it.
        if (queue.copyIn) queue.copyIn = false
        else if (queue.head !== undefined) push(expected)
        return
      }
      if (queue.skipping && kind !== 'sync') {
        expected.onSettled?.('skipped')
        return
      }
      if (queue.copyIn && kind === 'sync') return
      queue.skipping = false
      queue.open = kind !== 'sync' && kind !== 'query' && kind !== 'call'
      push(expected)
    },

    receive(type) {
      const head = queue.head
      if (head === undefined) return
      switch (type) {
        case Backend.ParseComplete:
          if (head.kind === 'parse') pop(head)
          break
        case Backend.BindComplete:
          if (head.kind === 'bind') pop(head)
          break
        case Backend.CloseComplete:
          if (head.kind === 'close') pop(head)
          break
        case Backend.RowDescription:
        case Backend.NoData:
          if (head.kind === 'describe') pop(head)
          else queue.begun = true
          break
        case Backend.CommandComplete:
        case Backend.EmptyQueryResponse:
        case Backend.PortalSuspended:
          queue.copyIn = false
          if (head.kind === 'execute') pop(head)
          else queue.begun = true
          break
        case Backend.CopyInResponse:
          queue.begun = true
          enterCopyIn()
          break
        case Backend.ErrorResponse:
          queue.copyIn = false
          if (head.kind === 'query' || head.kind === 'call' || head.kind === 'sync') queue.begun = true
          else skipToSync(head)
          break
        case Backend.ReadyForQuery:
          // One that cannot be the head's is the answer to a Sync that COPY was thought to have ignored.
          if (head.kind === 'sync' || ((head.kind === 'query' || head.kind === 'call') && queue.begun)) pop(head)
          break
        default:
          queue.begun = true
      }
    },

    abandon() {
      const lost = outstanding.slice(next)
      outstanding = []
      next = 0
      changed()
      for (const expected of lost.reverse()) expected.onSettled?.('skipped')
    },
  }

  function changed(): void {
    queue.head = outstanding[next]
    queue.idle = queue.head === undefined && !queue.open && !queue.skipping
  }

  function push(expected: ExpectedReply): void {
    outstanding.push(expected)
    changed()
  }

  function pop(head: ExpectedReply): void {
    advance()
    head.onSettled?.('done')
  }

  function advance(): void {
    next++
    while (outstanding[next]?.kind === 'copy-end') next++
    if (next >= outstanding.length) {
      outstanding.length = 0
      next = 0
    } else if (next > 1024) {
      outstanding = outstanding.slice(next)
      next = 0
    }
    queue.begun = false
    changed()
  }

  /** The server read nothing of what was sent after the head; a Sync up to the end of the data will be ignored. */
  function enterCopyIn(): void {
    const at = next + 1
    while (at < outstanding.length && outstanding[at]?.kind === 'sync') outstanding.splice(at, 1)
    if (outstanding[at]?.kind === 'copy-end') outstanding.splice(at, 1)
    else queue.copyIn = true
    const last = outstanding[outstanding.length - 1]?.kind
    queue.open = last !== 'sync' && last !== 'query' && last !== 'call'
    changed()
  }

  function skipToSync(head: ExpectedReply): void {
    let sync = next + 1
    while (sync < outstanding.length && outstanding[sync]?.kind !== 'sync') sync++
    const skipped = outstanding.slice(next + 1, sync)
    if (sync === outstanding.length) {
      queue.skipping = true
      queue.open = true
    }
    next = sync - 1
    advance()
    // The last first: each restores what it found.
    for (const expected of skipped.reverse()) expected.onSettled?.('skipped')
    head.onSettled?.('failed')
  }

  return queue
}
