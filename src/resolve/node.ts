import type { Node } from 'libpg-query'

/** A node of the parse tree as libpg-query's JSON has it: one key, the node's tag, over its body. */
export type { Node }

/** The tag and body of a wrapped node (`{ ColumnRef: {...} }`); undefined for anything else. */
export function taggedNode(
  value: unknown,
): { readonly tag: string; readonly body: Record<string, unknown> } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  let tag: string | undefined
  for (const key in value) {
    if (tag !== undefined) return undefined
    tag = key
  }
  if (tag === undefined || !isUpper(tag.charCodeAt(0))) return undefined
  const body = (value as Record<string, unknown>)[tag]
  return typeof body === 'object' && body !== null ? { tag, body: body as Record<string, unknown> } : undefined
}

function isUpper(code: number): boolean {
  return code >= 65 && code <= 90
}

/** The text of a `String` node. */
export function stringOf(node: Node | undefined): string | undefined {
  return node !== undefined && 'String' in node ? (node.String.sval ?? '') : undefined
}

/** The texts of a list of `String` nodes, e.g. a column alias list or a qualified name. */
export function stringsOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => stringOf(node) ?? '')
}

/** A node's byte offset; libpg-query leaves out an offset of 0. */
export function locationOf(body: { readonly location?: number | undefined }): number {
  return body.location ?? 0
}
