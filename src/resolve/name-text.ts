import { folded } from '../sql/identifier.js'

/** A possibly qualified name inside a string, and where it stands there; `end` exclusive. */
export interface NameInText {
  readonly schema: string | undefined
  readonly name: string
  readonly start: number
  readonly end: number
}

const PART = /\s*(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*/y

/** The name that begins at an index of a text, as regclassin and parseTypeString read it; undefined where none does. */
export function nameInText(text: string, at: number): NameInText | undefined {
  const names: string[] = []
  let end = at
  for (;;) {
    PART.lastIndex = end
    const match = PART.exec(text)
    if (match === null) return undefined
    names.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : folded(match[2] ?? ''))
    end = PART.lastIndex
    if (text[end] !== '.') break
    end++
  }
  const name = names.at(-1)
  return name === undefined || names.length > 3 ? undefined : { schema: names.at(-2), name, start: at, end }
}

/**
 * The names in the text of a regprocedure: the function and its argument types.
 *
 *     'feel(mood, integer)'  =>  feel; mood, integer
 */
export function namesOfSignature(
  text: string,
): { readonly called: NameInText; readonly types: readonly NameInText[]; readonly count: number } | undefined {
  const called = nameInText(text, 0)
  if (called === undefined || text[called.end] !== '(' || !text.trimEnd().endsWith(')')) return undefined
  const types: NameInText[] = []
  const close = text.lastIndexOf(')')
  let at = called.end + 1
  if (text.slice(at, close).trim() === '') return { called, types, count: 0 }
  let count = 0
  while (at <= close) {
    const type = nameInText(text, at)
    if (type === undefined) return undefined
    types.push(type)
    count++
    at = nextComma(text, type.end, close) + 1
  }
  return { called, types, count }
}

/** The index of the comma that ends an argument type, past those of `numeric(10,2)`; `close` where it is the last. */
function nextComma(text: string, from: number, close: number): number {
  let depth = 0
  for (let at = from; at < close; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')') depth--
    else if (text[at] === ',' && depth === 0) return at
  }
  return close
}

/** An element of an array literal: its value, and where it stands with its quotes; `end` exclusive. */
export interface ArrayElement {
  readonly value: string
  readonly start: number
  readonly end: number
}

/** The elements of a one-dimensional array literal, `{users,"Odd Name"}`; undefined where it is another text. */
export function elementsOfArrayText(text: string): readonly ArrayElement[] | undefined {
  if (!/^\s*\{[^{}]*\}\s*$/.test(text.replace(/"(?:[^"\\]|\\.)*"/gs, ''))) return undefined
  const elements: ArrayElement[] = []
  const element = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\s](?:[^",{}]*[^",{}\s])?))\s*([,}])/gs
  element.lastIndex = text.indexOf('{') + 1
  for (let match = element.exec(text); match !== null; match = element.exec(text)) {
    const [whole, quoted, plain = '', after = ''] = match
    const start = match.index + (whole.length - whole.trimStart().length)
    const end = match.index + whole.slice(0, -after.length).trimEnd().length
    elements.push({ value: quoted?.replace(/\\(.)/gs, '$1') ?? plain.replace(/\\(.)/gs, '$1'), start, end })
    if (after === '}') break
  }
  return elements
}
