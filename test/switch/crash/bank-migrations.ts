import type { Bank } from './books.js'

/** What the columns of version 1 are called now, and what has become of them. */
export interface Shape {
  readonly table: string
  readonly owner: string
  readonly note: string
  readonly balance: string
  /** Dropped, in time. */
  readonly status: string | undefined
  readonly extras: readonly string[]
  readonly wide: boolean
}

export const FIRST: Shape = {
  table: 'accounts',
  owner: 'owner',
  note: 'note',
  balance: 'balance',
  status: 'status',
  extras: [],
  wide: false,
}

export interface BankMigration {
  readonly name: string
  readonly statements: readonly string[]
  readonly rules: string | undefined
  readonly after: Shape
}

/** `rules` needs a rule file, which a tool's transaction cannot bring with it. */
export const KINDS = ['swap', 'table', 'column', 'add', 'type', 'rules'] as const

export type Kind = (typeof KINDS)[number]

/**
 * Each kind swaps the names of two columns of one type besides: a statement for the schema before it fails on nothing then,
 * it reads, or writes, the wrong column.
 */
export function makeMigration(kind: Kind, number: number, before: Shape): BankMigration {
  const { table, owner, note } = before
  const alter = `ALTER TABLE ${table}`
  const swap = [
    `${alter} RENAME ${owner} TO swapped`,
    `${alter} RENAME ${note} TO ${owner}`,
    `${alter} RENAME swapped TO ${note}`,
  ]
  const { statements, after, rules } = change(kind, number, before)
  return {
    name: `step-${number}`,
    statements: [...swap, ...statements],
    rules,
    after: { ...after, owner: note, note: owner },
  }
}

interface Change {
  readonly statements: readonly string[]
  readonly after: Shape
  readonly rules?: string
}

function change(kind: Kind, number: number, before: Shape): Change {
  const { table, balance, status, extras, wide } = before
  const alter = `ALTER TABLE ${table}`
  switch (kind) {
    case 'swap':
      return { statements: [], after: before }
    case 'table': {
      const now = `accounts_${number}`
      return { statements: [`${alter} RENAME TO ${now}`], after: { ...before, table: now } }
    }
    case 'column': {
      const now = `balance_${number}`
      return { statements: [`${alter} RENAME ${balance} TO ${now}`], after: { ...before, balance: now } }
    }
    case 'add': {
      const extra = `extra_${number}`
      return {
        statements: [`${alter} ADD ${extra} integer NOT NULL DEFAULT 7`],
        after: { ...before, extras: [...extras, extra] },
      }
    }
    case 'type':
      // Back again would need a rule.
      if (wide) return change('add', number, before)
      return { statements: [`${alter} ALTER ${balance} TYPE bigint`], after: { ...before, wide: true } }
    case 'rules':
      if (status === undefined) return change('column', number, before)
      return {
        statements: [`${alter} DROP ${status}`],
        after: { ...before, status: undefined },
        rules: `tables: { ${table}: { columns: { ${status}: { dropped: true, type: text, read: "'open'" } } } }`,
      }
  }
}

/** Names of the columns of the table of accounts. */
export function columnsOf({ owner, note, balance, status, extras }: Shape): readonly string[] {
  return ['id', owner, note, balance, ...(status === undefined ? [] : [status]), ...extras].sort()
}

/** Reads the bank in words of the head. */
export function bankQuery({ table, owner, note, balance, status }: Shape): string {
  const rows = (select: string) => `(SELECT COALESCE(pg_catalog.json_agg(r), '[]') FROM (${select}) AS r)`
  const state = status === undefined ? "'open'" : status
  return `SELECT pg_catalog.json_build_object(
    'accounts', ${rows(`SELECT id, ${owner} AS owner, ${note} AS note, ${balance} AS balance, ${state} AS status FROM ${table} ORDER BY id`)},
    'transfers', ${rows('SELECT ref, source, target, amount FROM transfers ORDER BY id')},
    'counters', ${rows('SELECT client, n FROM counters')}) AS bank`
}

/** The one row of `bankQuery`. */
export type BankRow = { readonly bank: Bank }
