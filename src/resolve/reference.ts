import type {
  A_Expr,
  ColumnRef,
  FuncCall,
  Node,
  RangeFunction,
  RangeVar,
  ResTarget,
  SelectStmt,
  SubLink,
  TypeName,
} from 'libpg-query'
import type { Column, NamedObject, Relation } from '../catalog/catalog.js'
import type { StringPart } from './names-string.js'
import type { RangeVariable } from './range-variable.js'
import type { Scope, Visible, VisibleColumn } from './scope.js'

/** A use of a relation by name: every range variable with text of its own. */
export interface RangeReference {
  readonly kind: 'range'
  readonly range: RangeVariable
  readonly node: RangeVar
  /** Range variables of the same query level, itself included: equal names there need distinct aliases. */
  siblings: readonly RangeVariable[]
}

/** A function in FROM whose rows are those of a relation: its columns follow that relation's. */
export interface FunctionRangeReference {
  readonly kind: 'function-range'
  readonly range: RangeVariable
  readonly node: RangeFunction
  readonly call: FuncCall
}

/** A column reference that is bound. */
export interface ColumnReference {
  readonly kind: 'column'
  readonly node: ColumnRef
  readonly name: string
  readonly range: RangeVariable
  /** Index into `range.columns`. */
  readonly index: number
  readonly qualified: boolean
  readonly merged: boolean
  /** The level that it is written in; for the names that would shadow a qualifier, and new names that would capture. */
  readonly scope: Scope | undefined
  /** Where PostgreSQL allows bare names only (ON CONFLICT inference, COPY ... WHERE). */
  readonly bareOnly: boolean
}

/** A bare column whose binding cannot be known, because some range variable's columns are not known. */
export interface UncertainReference {
  readonly kind: 'uncertain'
  readonly node: ColumnRef
  readonly name: string
  readonly scope: Scope | undefined
}

/** A bare column that two range variables of one level have: PostgreSQL answers 42702. */
export interface AmbiguousReference {
  readonly kind: 'ambiguous'
  readonly node: ColumnRef
  readonly name: string
  readonly ranges: readonly RangeVariable[]
}

/** A name that no visible range variable of the old version has. */
export interface AbsentReference {
  readonly kind: 'absent'
  readonly node: ColumnRef
  readonly name: string
  /** The range variable that it is qualified by. */
  readonly range: RangeVariable | undefined
  readonly scope: Scope | undefined
}

/** A qualifier that names no visible range variable. */
export interface MissingRangeReference {
  readonly kind: 'missing-range'
  readonly node: ColumnRef
  readonly schema: string | undefined
  readonly name: string
  readonly scope: Scope | undefined
}

/** A comparison of a column in a condition of which only the truth counts. */
export interface ComparisonReference {
  readonly kind: 'comparison'
  readonly node: A_Expr
  /** `c = x`, `c IN (x, y)`, `c = ANY (x)` or `c BETWEEN x AND y`. */
  readonly form: 'operator' | 'in' | 'any' | 'between'
  /** As if the column stood at the left; of BETWEEN its first one. */
  readonly operator: '=' | '<' | '>' | '<=' | '>='
  readonly column: ColumnRef
  readonly side: 'left' | 'right'
  readonly others: readonly Node[]
}

/** A column that USING or NATURAL merges from both sides of a join. */
export interface MergedReference {
  readonly kind: 'merged'
  readonly left: VisibleColumn
  readonly right: VisibleColumn
}

/** An ORDER BY item that sorts the rows of a plain SELECT by one input column. */
export interface SortReference {
  readonly kind: 'sort'
  /** The item's own text. */
  readonly node: ColumnRef
  readonly range: RangeVariable
  /** Index into `range.columns`. */
  readonly index: number
  readonly scope: Scope
}

/** A GROUP BY of plain columns and other expressions, without grouping sets. */
export interface GroupingReference {
  readonly kind: 'grouping'
  /** Byte offset of a token inside of its first item. */
  readonly location: number
  readonly columns: readonly ColumnRef[]
  readonly scope: Scope
  /** True where it holds grouping sets, or an item whose place in the text is not known. */
  readonly sets: boolean
}

/** How a whole row is used, which decides what it may become. */
export type RowUse =
  | 'names' // its field names can be seen (row_to_json)
  | 'output' // an item of the statement's own target list
  | 'nested' // an item of a subquery's target list
  | 'field' // (u).name
  | 'fields' // (u).*
  | 'projection' // name(u)
  | 'count' // only whether it is null counts
  | 'value' // compared, tested or made text: its fields count, their names do not
  | 'argument' // of a function that is declared on a relation's row type
  | 'type' // anything else: its type may count

/** A range variable used as a value. */
export interface WholeRowReference {
  readonly kind: 'whole-row'
  readonly node: ColumnRef
  readonly range: RangeVariable
  readonly use: RowUse
  /** The field selected from it, where `use` is `field` or `projection`. */
  readonly field: string | undefined
  readonly scope: Scope | undefined
}

/** `*` or `t.*` where it expands to columns. */
export interface StarReference {
  readonly kind: 'star'
  readonly node: ColumnRef
  /** What it expands to. */
  readonly visible: Visible
  /** The range variable of `t.*`; undefined for a bare `*`. */
  readonly range: RangeVariable | undefined
  /** Whether it stands in a target list, where AS may follow, or in ROW(...) or VALUES. */
  readonly list: 'targets' | 'row'
}

/** A system column (`public.users.ctid`), or a column of a range variable whose columns are not known. */
export interface SystemColumnReference {
  readonly kind: 'system-column'
  readonly node: ColumnRef
  readonly range: RangeVariable
  readonly name: string
}

/** A column named as a place to write to: INSERT's list, SET's left side, COPY's list, a conflict target. */
export interface TargetColumnReference {
  readonly kind: 'target-column'
  readonly range: RangeVariable
  readonly name: string
  /** Byte offset of the name's token; undefined where libpg-query gives none (see `place`). */
  readonly location: number | undefined
  /** Which list holds it and at which place, for names without a location. */
  readonly place:
    | { readonly list: 'conflict' | 'copy' | 'vacuum' | 'definition'; readonly at: number; readonly index: number }
    | undefined
}

/** An unaliased target list item whose output name comes from a name in it. */
export interface OutputNameReference {
  readonly kind: 'output-name'
  readonly item: ResTarget
  readonly name: string
  /** What the name is taken from: a column, a call, or the type of a cast. */
  readonly leaf: ColumnRef | FuncCall | TypeName
}

/** A column's name in a list of columns to write to. */
export interface WrittenName {
  readonly name: string
  /** Byte offset of the name's token. */
  readonly location: number
  /** True for an element or a field of the column: `tags[1]`, `lead.name`. */
  readonly inside: boolean
}

/** One assignment of a SET: `name = value`, or `(first, last) = source`. */
export interface Assignment {
  readonly names: readonly WrittenName[]
  readonly value: Node
  readonly several: boolean
  /** Of a sub-SELECT for several columns: how many it gives; undefined where that cannot be known. */
  readonly width: number | undefined
}

/** All assignments of one SET; it follows the references inside of them. */
export interface SetListReference {
  readonly kind: 'set-list'
  readonly range: RangeVariable
  readonly assignments: readonly Assignment[]
}

/** An INSERT, for what follows from its column list and its source of rows. */
export interface InsertReference {
  readonly kind: 'insert'
  readonly range: RangeVariable
  readonly node: RangeVar
  /** Number of listed columns; undefined for an INSERT without a list. */
  readonly listed: number | undefined
  readonly listedNames: readonly WrittenName[]
  readonly source: InsertSource
  /** For the INSERT of a MERGE: the number of its WHEN, from 0. */
  readonly when: number | undefined
  /** Byte offset of ON CONFLICT, where it has one. */
  readonly conflictAt: number | undefined
}

export type InsertSource =
  | { readonly kind: 'default values' }
  /** VALUES rows with their expressions. */
  | { readonly kind: 'values'; readonly rows: readonly (readonly Node[])[] }
  /** A query: its arms, left to right, and its number of columns (undefined where a star hides it). */
  | { readonly kind: 'select'; readonly columns: number | undefined; readonly arms: readonly SelectStmt[] }

/** COPY of a table. */
export interface CopyReference {
  readonly kind: 'copy'
  readonly range: RangeVariable
  readonly node: RangeVar
  readonly from: boolean
  readonly listed: number | undefined
  readonly listedNames: readonly string[]
  /** The HEADER option: its output or input names the columns. */
  readonly header: 'none' | 'names' | 'match'
  /** True where options name columns (FORCE_QUOTE, FORCE_NULL, ...). */
  readonly columnOptions: boolean
}

/** ON CONFLICT ON CONSTRAINT name. */
export interface ConstraintReference {
  readonly kind: 'constraint'
  readonly range: RangeVariable
  readonly name: string
  /** Byte offset at or before the words ON CONSTRAINT. */
  readonly after: number
}

/** A relation named inside a string (`'users'::regclass`, `nextval('users_id_seq')`). */
export interface NameStringReference {
  readonly kind: 'name-string'
  readonly relation: Relation
  /** Byte offset of the string. */
  readonly location: number
  /** Its parts, folded. */
  readonly schema: string | undefined
  readonly name: string
}

/** A column named inside a string, next to its relation's name (pg_get_serial_sequence). */
export interface ColumnStringReference {
  readonly kind: 'column-string'
  readonly relation: Relation
  /** Byte offset of the string. */
  readonly location: number
  readonly name: string
}

/** Names inside a string that is cast to a type of names: `'{users,posts}'::regclass[]`, `'feel(mood)'::regprocedure`. */
export interface NamesStringReference {
  readonly kind: 'names-string'
  /** Byte offset of the string. */
  readonly location: number
  /** The string's value. */
  readonly text: string
  readonly parts: readonly StringPart[]
}

/** A data type of a user schema, used as a type name (`'ok'::mood`). */
export interface TypeReference {
  readonly kind: 'type'
  readonly type: NamedObject
  readonly node: TypeName
}

/** A call of what may be a function of a user schema. */
export interface CallReference {
  readonly kind: 'call'
  readonly node: FuncCall
  readonly schema: string | undefined
  readonly name: string
  /** Number of arguments. */
  readonly count: number
  /** All that it may mean, but for functions of pg_catalog. */
  readonly objects: readonly NamedObject[]
  /** pg_catalog has functions of that name too, and the call does not say which it means. */
  readonly alsoSystem: boolean
  /** The item of FROM that it is. */
  readonly from: RangeFunction | undefined
  /** The range variable of that item, where its columns are those of a relation. */
  readonly range: RangeVariable | undefined
}

/** A data type by its oid, which is to be told by name: `format_type(t.oid, NULL)`, `t.oid::regtype`. */
export interface TypeOidReference {
  readonly kind: 'type-oid'
  /** The call of which it is the first argument; or what is cast: a column, or what an earlier step made of one. */
  readonly node: FuncCall | ColumnRef | SubLink
}

/** A relation's row type used as a type name (`NULL::users`). */
export interface RowTypeReference {
  readonly kind: 'row-type'
  readonly relation: Relation
  readonly node: TypeName
}

/** A call of a function whose arguments or result hold a relation's row type. */
export interface RowFunctionReference {
  readonly kind: 'row-function'
  readonly relationOid: number
  /** True where its result is of the row type. */
  readonly givesRows: boolean
  readonly node: FuncCall
}

/** A function in FROM of which the arguments hold rows: its columns may be their fields. */
export interface RowSourceReference {
  readonly kind: 'row-source'
  /** Columns among the arguments. */
  readonly columns: readonly Column[]
  /** oids of the relations of which whole rows are among the arguments. */
  readonly relations: readonly number[]
  readonly node: FuncCall
}

/** A field of a composite value whose type may be a changed relation's row type: `(x).name`. */
export interface FieldReference {
  readonly kind: 'field'
  /** undefined for all of them: `(x).*`. */
  readonly name: string | undefined
  /** The composite type's oid, where the value is a column; undefined where the type is not known. */
  readonly typeOid: number | undefined
}

/** A relation name that the version's catalog does not have. */
export interface UnknownRelationReference {
  readonly kind: 'unknown-relation'
  readonly node: RangeVar
}

/** A name in a string that is read as a relation's, and that the version does not have. */
export interface UnknownNameReference {
  readonly kind: 'unknown-name'
  /** Byte offset of the string. */
  readonly location: number
  readonly schema: string | undefined
  readonly name: string
  /** What the server makes of it: an error, or NULL (to_regclass). */
  readonly missing: 'error' | 'null'
}

/** A call that has a query in a string, or a table of which it shows the columns. */
export interface HiddenQueryReference {
  readonly kind: 'hidden-query'
  readonly node: FuncCall
  readonly relation?: Relation
  readonly sql?: string
}

/** The name of a relation that a statement makes. */
export interface CreatedReference {
  readonly kind: 'created'
  readonly node: RangeVar
  /** The schema that it is made in. */
  readonly schema: string
  /** What the version has under that name already. */
  readonly taken: Relation | undefined
  readonly whereTaken: 'fails' | 'skips' | 'replaces'
}

/** A relation that a new table is made after, or refers to. */
export interface BuiltUponReference {
  readonly kind: 'built-upon'
  readonly relation: Relation
  readonly node: RangeVar
  readonly upon:
    | { readonly use: 'inherited' }
    /** LIKE; its options as the parser numbers them, 0 where none. */
    | { readonly use: 'like'; readonly options: number }
    /** REFERENCES; the columns it lists. */
    | { readonly use: 'referenced'; readonly columns: readonly string[] }
}

/** CREATE INDEX. */
export interface IndexDefinitionReference {
  readonly kind: 'index-definition'
  readonly relation: Relation
  readonly node: RangeVar
  /** undefined where the server chooses it. */
  readonly name: string | undefined
  /** True where the version has a relation or an index of that name. */
  readonly taken: boolean
  readonly unique: boolean
  readonly included: readonly string[]
}

/** ADD COLUMN IF NOT EXISTS of a column that the version has. */
export interface StandingColumnReference {
  readonly kind: 'standing-column'
  readonly relation: Relation
  readonly name: string
  /** Byte offset of the column's name. */
  readonly location: number
}

/** A statement whose names this resolver does not follow. */
export interface UnfollowedReference {
  readonly kind: 'unfollowed'
  /** The node's tag, e.g. `AlterTableStmt`. */
  readonly tag: string
  /** The relations that it is about, where all of them are known. */
  readonly relations: readonly Relation[] | undefined
}

export type Reference =
  | RangeReference
  | FunctionRangeReference
  | ColumnReference
  | ComparisonReference
  | SortReference
  | MergedReference
  | GroupingReference
  | UncertainReference
  | AmbiguousReference
  | AbsentReference
  | MissingRangeReference
  | WholeRowReference
  | StarReference
  | SystemColumnReference
  | TargetColumnReference
  | OutputNameReference
  | SetListReference
  | InsertReference
  | CopyReference
  | ConstraintReference
  | NameStringReference
  | ColumnStringReference
  | NamesStringReference
  | TypeReference
  | TypeOidReference
  | CallReference
  | RowTypeReference
  | RowFunctionReference
  | RowSourceReference
  | FieldReference
  | UnknownRelationReference
  | UnknownNameReference
  | HiddenQueryReference
  | CreatedReference
  | BuiltUponReference
  | IndexDefinitionReference
  | StandingColumnReference
  | UnfollowedReference
