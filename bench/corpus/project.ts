import type { TreeFile } from './checkout.js'
import { readSqlcQueries } from './sqlc-queries.js'
import { readSqlxQueries } from './sqlx-queries.js'

/** One statement that an app sends, as it sends it. */
export interface CorpusQuery {
  /** What the project calls it, for reports. */
  readonly name: string
  readonly sql: string
  /** Values to run it with, and be rolled back; absent: it is only described and planned. */
  readonly trial?: Trial
}

export interface Trial {
  readonly values: readonly (string | null)[]
  /** What has to run before it, so that it meets a row. */
  readonly first?: { readonly sql: string; readonly values: readonly (string | null)[] }
}

/** Where a project of some make keeps its migrations and its statements. */
export interface Project {
  readonly name: string
  /** A word that stands in the path of every migration, ever. */
  readonly pathWord: string
  /**
   * The key of the migration whose file this is; undefined for other files. A migration keeps its key when its file moves;
   * keys in the order of their characters are the order of the migrations.
   */
  key(path: string): string | undefined
  /** False for a path where migrations stood once, and stand no more. */
  current?(path: string): boolean
  /** The part of a migration's text that leads to the newer version. */
  up(text: string): string
  /** Absent: the project's statements are made at run time, so that its tables' own shapes are asked instead. */
  readonly queries?: {
    isFile(file: TreeFile): boolean
    read(text: string, path: string): readonly CorpusQuery[]
  }
  /** What the database must hold before the first migration. */
  readonly setup?: string
}

const capture = (path: string, pattern: RegExp): string | undefined => pattern.exec(path)?.[1]

/** goose: one file with both ways, told apart by comments. */
export function gooseUp(text: string): string {
  const [, up = text] = /^--\s*\+goose\s+Up\b.*$([\s\S]*?)(?=^--\s*\+goose\s+Down\b|$(?![\s\S]))/m.exec(text) ?? []
  return up
}

const whole = (text: string) => text

export const projects: readonly Project[] = [
  {
    name: 'docs.rs',
    pathWord: 'migrations',
    key: (path) => capture(path, /(?:^|\/)migrations\/(\d{14})_[^/]*\.up\.sql$/),
    up: whole,
    queries: { isFile: ({ path }) => /(^|\/)\.sqlx\/query-[^/]*\.json$/.test(path), read: readSqlxQueries },
  },
  {
    name: 'river',
    pathWord: 'migration',
    key: (path) => capture(path, /(?:riverpgxv5|^rivermigrate)\/migration\/(?:main\/)?(\d{3})_[^/]*\.up\.sql$/),
    current: (path) => path.startsWith('riverdriver/riverpgxv5/'),
    up: whole,
    queries: {
      isFile: ({ path }) => path.endsWith('.sql.go') && !/sqlite|riverdatabasesql/.test(path),
      read: readSqlcQueries,
    },
  },
  {
    name: 'hatchet',
    pathWord: 'migrations',
    key: (path) => capture(path, /^(?:cmd\/hatchet-migrate\/migrate|prisma|sql)\/migrations\/(\d{14})_.*\.sql$/),
    current: (path) => path.startsWith('cmd/'),
    up: gooseUp,
    queries: { isFile: ({ path }) => /(^|\/)(dbsqlc|sqlcv1)\/[^/]*\.go$/.test(path), read: readSqlcQueries },
  },
  {
    name: 'lemmy',
    pathWord: 'migrations',
    key: (path) => capture(path, /^(?:.*\/)?migrations\/([^/]+)\/up\.sql$/),
    up: whole,
  },
]
