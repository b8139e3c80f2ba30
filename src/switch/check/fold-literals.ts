import type { ByteString } from '../../sql/byte-string.js'
import { folded } from '../../sql/identifier.js'
import { isScanError, type ScanOptions, scan } from '../../sql/scan.js'
import type { Token } from '../../sql/token.js'

/** A text whose literals are gone, and the same text with them; comments are out of both. */
export interface FoldedText {
  /** No value of the client's is in it. */
  readonly key: ByteString
  /** The text with its literals, but without the rows and list items that `key` says once or twice. */
  reduced(): ByteString
}

/** What stands for a literal. It must be of the same type for PostgreSQL: an unknown string, an integer, a bigint, a numeric. */
export function neutralLiteral(text: ByteString, { kind, start, end }: Token): string | undefined {
  switch (kind) {
    case 'string':
      return 'NULL'
    case 'bit-string':
      return `${text[start]}'0'`
    case 'number':
      return neutralNumber(text.slice(start, end).replaceAll('_', ''))
    default:
      return undefined
  }
}

function neutralNumber(number: string): string {
  if (!/^(?:\d+|0[xob][\da-f]+)$/i.test(number)) return '1.5'
  const value = BigInt(number.toLowerCase())
  if (value <= 0x7fffffffn) return '1'
  return value <= 0x7fffffffffffffffn ? '3000000000' : '10000000000000000000'
}

/**
 * Takes the literals out of a text, by its tokens alone: cheap enough for every text that was not seen before. Of items of
 * IN and rows of VALUES that are alike then, two are kept. Undefined where the text cannot be scanned.
 *
 *     SELECT a FROM t WHERE b IN ('x', 'y', 'z')  =>  SELECT a FROM t WHERE b IN (NULL, NULL)
 */
export function foldLiterals(text: ByteString, options: ScanOptions = {}): FoldedText | undefined {
  const tokens = scan(text, options)
  if (isScanError(tokens)) return undefined
  const out = createOutput()
  const lists: List[] = [{ collapses: false, units: [], from: 0 }]
  let inBy = false
  let last: Token | undefined
  for (const token of tokens) {
    const raw = text.slice(token.start, token.end)
    const gap = last !== undefined && last.end < token.start ? ' ' : ''
    const word = token.kind === 'keyword' ? folded(raw) : ''
    const list = lists[lists.length - 1]
    if (token.kind === 'punctuation' && (raw === ',' || raw === ')' || raw === ';') && list !== undefined) {
      endUnit(out, list)
      if (raw === ')' && lists.length > 1) lists.pop()
      if (raw === ';') list.collapses = false
    } else if (word !== '' && list?.depth === lists.length && list.collapses) {
      // RETURNING, ON CONFLICT: the rows have ended.
      endUnit(out, list)
      list.collapses = false
    }
    // A number after ORDER BY is a place in the target list.
    const isPlace = inBy && token.kind === 'number' && raw.length <= 4 && followsBy(text, last)
    out.put(gap, isPlace ? raw : (neutralLiteral(text, token) ?? raw), raw)
    if (word === 'by') inBy = true
    else if (word !== '' && !/^(?:asc|desc|nulls|first|last|using)$/.test(word)) inBy = false
    if (raw === '(' && token.kind === 'punctuation') {
      inBy = false
      lists.push({ collapses: isIn(text, last), units: [], from: out.length })
    } else if (word === 'values') {
      const own = lists[lists.length - 1]
      if (own !== undefined) Object.assign(own, { collapses: true, units: [], from: out.length, depth: lists.length })
    } else if (raw === ',' && token.kind === 'punctuation' && list !== undefined) list.from = out.length
    last = token
  }
  const [outermost] = lists
  if (outermost !== undefined) endUnit(out, outermost)
  return { key: out.folded(), reduced: () => out.raw() }
}

/** A list whose items may be alike. */
interface List {
  collapses: boolean
  /** The last two items, folded. */
  units: string[]
  /** Where the item under way begins in the output. */
  from: number
  /** Of rows of VALUES: how many parentheses they stand in. */
  depth?: number
}

function isIn(text: ByteString, last: Token | undefined): boolean {
  return last?.kind === 'keyword' && folded(text.slice(last.start, last.end)) === 'in'
}

function followsBy(text: ByteString, last: Token | undefined): boolean {
  if (last === undefined) return false
  const word = folded(text.slice(last.start, last.end))
  return word === 'by' || word === ','
}

/** An item that is like the two before it is taken back, with the comma in front of it. */
function endUnit(out: Output, list: List): void {
  if (!list.collapses || list.from >= out.length) return
  const unit = out.foldedFrom(list.from).trim()
  const [first, second] = list.units
  if (unit === first && unit === second) out.truncate(list.from - 1)
  else list.units = second === undefined ? [...list.units, unit] : [second, unit]
}

interface Output {
  readonly length: number
  put(gap: string, folded: string, raw: string): void
  foldedFrom(start: number): string
  truncate(length: number): void
  folded(): string
  raw(): string
}

function createOutput(): Output {
  const foldedParts: string[] = []
  const rawParts: string[] = []
  return {
    get length() {
      return foldedParts.length
    },
    put(gap, folded, raw) {
      foldedParts.push(gap + folded)
      rawParts.push(gap + raw)
    },
    foldedFrom: (start) => foldedParts.slice(start).join(''),
    truncate(length) {
      foldedParts.length = length
      rawParts.length = length
    },
    folded: () => foldedParts.join(''),
    raw: () => rawParts.join(''),
  }
}
