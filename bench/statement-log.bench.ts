import { Buffer } from 'node:buffer'
import type { SpeakingSession } from '../src/proxy/contracts.js'
import { loadParser } from '../src/sql/parse.js'
import { createRecordedStatements } from '../src/switch/check/recorded-statements.js'
import { cpuTimes } from './cpu-time.js'
import { selectText } from './rewrite-statements.js'

// What the statement book takes of the hot path: CPU of one thread for a text of 200 bytes, in a new string each time.

const session: SpeakingSession = {
  identity: { user: 'app', database: 'app', applicationName: '' },
  versionName: 'initial',
  role: undefined,
  searchPath: '"$user", public',
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
}
const parser = await loadParser()
const book = createRecordedStatements({ parser })
const types = Buffer.alloc(2)
const texts = Array.from({ length: 50 }, (_, number) => Buffer.from(selectText(number)))
for (const text of texts) book.note(session, text.toString('latin1'), types)
book.settle()
let next = 0
let fresh = 0
const times = cpuTimes(
  {
    'the string alone': () => texts[next++ % texts.length]?.toString('latin1'),
    'seen before': () => book.note(session, texts[next++ % texts.length]?.toString('latin1') ?? '', types),
    'never seen': () => {
      book.note(session, selectText(1000 + fresh++), types)
      if (fresh % 500 === 0) book.settle()
    },
  },
  { rounds: 11, roundMicroseconds: 50_000, warmMicroseconds: 500_000 },
)
for (const [what, us] of Object.entries(times)) console.log(what.padEnd(20), us.toFixed(2), 'us')
