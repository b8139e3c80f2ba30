import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from 'yaml'
import type { Checked, Place, Problem } from './problem.js'

/** A parsed YAML file whose values can be traced back to their places. */
export interface YamlSource {
  readonly file: string
  /** Plain data; an empty file is an empty mapping. */
  readonly value: unknown
  /** Where the value at `path` stands; the nearest enclosing one where nothing stands there. */
  placeOf(path: readonly PropertyKey[]): Place
  /** Where the key that leads to `path` stands. */
  placeOfKey(path: readonly PropertyKey[]): Place
}

/** Reads YAML 1.2; duplicate keys, several documents and aliases are problems. Gives every problem at once. */
export function parseYaml(file: string, text: string): Checked<YamlSource> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  const problems: Problem[] = document.errors.map((error) => ({
    place: placeAt(error.pos[0]),
    message: error.code === 'DUPLICATE_KEY' ? 'this key stands here twice; keep one of them' : error.message,
  }))
  visit(document, {
    Alias(_, node) {
      problems.push({
        place: placeAt(node.range?.[0] ?? 0),
        message: 'YAML aliases are not supported; repeat the value',
      })
    },
  })
  if (problems.length > 0) return { ok: false, problems }

  const root = document.contents
  const find = (path: readonly PropertyKey[]): { node: Node | null; key: Node | null } => {
    let node: Node | null = root
    let key: Node | null = null
    for (const part of path) {
      const next = childOf(node, part)
      if (next === undefined) break
      node = next.value ?? next.key
      key = next.key
    }
    return { node, key }
  }
  return {
    ok: true,
    value: {
      file,
      value: document.toJS() ?? {},
      placeOf: (path) => placeAt(find(path).node?.range?.[0] ?? 0),
      placeOfKey: (path) => {
        const { node, key } = find(path)
        return placeAt((key ?? node)?.range?.[0] ?? 0)
      },
    },
  }
}

function childOf(node: Node | null, part: PropertyKey): { key: Node | null; value: Node | null } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(part)]
    return item === undefined ? undefined : { key: null, value: item as Node }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
  return pair === undefined ? undefined : { key: pair.key as Scalar, value: pair.value as Node | null }
}
