import type { Node } from './node.js'
import { stringOf, taggedNode } from './node.js'

/** How sure PostgreSQL is of a derived output name: 2 a name, 1 a type's name, 0 none. */
type Strength = 0 | 1 | 2

interface Figured {
  readonly name: string
  readonly strength: Strength
  /** The column reference, call or cast that gave the name, where one did. */
  readonly leaf: Node | undefined
}

const NONE: Figured = { name: '?column?', strength: 0, leaf: undefined }

/** Names that parse_target.c gives to nodes that are keywords of their own. */
const FIXED_NAMES: Readonly<Record<string, string>> = {
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
  GroupingFunc: 'grouping',
  MergeSupportFunc: 'merge_action',
  XmlSerialize: 'xmlserialize',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
}

/** The output name of a target list item without alias, and the column reference, call or cast that it comes from, if any. */
export function figureOutputName(value: Node | undefined): { readonly name: string; readonly leaf: Node | undefined } {
  return figure(value)
}

/** Source: FigureColnameInternal in parse_target.c. */
function figure(node: Node | undefined): Figured {
  const tagged = taggedNode(node)
  if (node === undefined || tagged === undefined) return NONE
  if ('ColumnRef' in node) {
    const names = (node.ColumnRef.fields ?? []).map(stringOf).filter((name) => name !== undefined)
    const name = names.at(-1)
    return name === undefined ? NONE : { name, strength: 2, leaf: node }
  }
  if ('A_Indirection' in node) {
    const name = (node.A_Indirection.indirection ?? [])
      .map(stringOf)
      .filter((field) => field !== undefined)
      .at(-1)
    const { arg } = node.A_Indirection
    if (name === undefined) return figure(arg)
    return { name, strength: 2, leaf: arg !== undefined && 'ColumnRef' in arg ? arg : undefined }
  }
  if ('FuncCall' in node) {
    return { name: stringOf(node.FuncCall.funcname?.at(-1)) ?? '?column?', strength: 2, leaf: node }
  }
  if ('A_Expr' in node) {
    return node.A_Expr.kind === 'AEXPR_NULLIF' ? { name: 'nullif', strength: 2, leaf: undefined } : NONE
  }
  if ('TypeCast' in node) {
    const inner = figure(node.TypeCast.arg)
    const type = stringOf(node.TypeCast.typeName?.names?.at(-1))
    return inner.strength > 1 || type === undefined ? inner : { name: type, strength: 1, leaf: node }
  }
  if ('CollateClause' in node) return figure(node.CollateClause.arg)
  if ('CaseExpr' in node) {
    const inner = figure(node.CaseExpr.defresult)
    return inner.strength > 1 ? inner : { name: 'case', strength: 1, leaf: undefined }
  }
  if ('SubLink' in node) return figureSubLink(node)
  if ('MinMaxExpr' in node) {
    return { name: node.MinMaxExpr.op === 'IS_LEAST' ? 'least' : 'greatest', strength: 2, leaf: undefined }
  }
  if ('SQLValueFunction' in node) {
    const name = (node.SQLValueFunction.op ?? '')
      .replace(/^SVFOP_/, '')
      .replace(/_N$/, '')
      .toLowerCase()
    return { name, strength: 2, leaf: undefined }
  }
  if ('XmlExpr' in node) {
    const name = XML_NAMES[node.XmlExpr.op ?? '']
    return name === undefined ? NONE : { name, strength: 2, leaf: undefined }
  }
  if ('JsonFuncExpr' in node) {
    const name = (node.JsonFuncExpr.op ?? '').replace(/_OP$/, '').toLowerCase()
    return { name, strength: 2, leaf: undefined }
  }
  const fixed = FIXED_NAMES[tagged.tag]
  return fixed === undefined ? NONE : { name: fixed, strength: 2, leaf: undefined }
}

const XML_NAMES: Readonly<Record<string, string>> = {
  IS_XMLCONCAT: 'xmlconcat',
  IS_XMLELEMENT: 'xmlelement',
  IS_XMLFOREST: 'xmlforest',
  IS_XMLPARSE: 'xmlparse',
  IS_XMLPI: 'xmlpi',
  IS_XMLROOT: 'xmlroot',
}

/** A scalar subselect is named after its single column, which carries its own alias after an edit. */
function figureSubLink(node: Extract<Node, { SubLink: unknown }>): Figured {
  const { subLinkType, subselect } = node.SubLink
  if (subLinkType === 'EXISTS_SUBLINK') return { name: 'exists', strength: 2, leaf: undefined }
  if (subLinkType === 'ARRAY_SUBLINK') return { name: 'array', strength: 2, leaf: undefined }
  if (subLinkType !== 'EXPR_SUBLINK' || subselect === undefined || !('SelectStmt' in subselect)) return NONE
  let select = subselect.SelectStmt
  while (select.larg !== undefined) select = select.larg
  const [first] = select.targetList ?? []
  if (first === undefined || !('ResTarget' in first)) return NONE
  const name = first.ResTarget.name
  if (name !== undefined) return { name, strength: 2, leaf: undefined }
  return { ...figure(first.ResTarget.val), leaf: undefined }
}
