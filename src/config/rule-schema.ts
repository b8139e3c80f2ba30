import { z } from 'zod'
import type { LaterKeys } from './validate.js'

const name = z.string({ error: 'expected a name' }).min(1, { error: 'expected a name' })

/** A value that stands in YAML as a number or a boolean is the same SQL literal. */
const expression = z.union([z.string().min(1), z.number(), z.boolean()], {
  error: 'expected one SQL expression, e.g. "\'DE\'"',
})

const columnRule = z.union([name, z.strictObject({ to: name.describe("The column's new name.") })], {
  error: 'expected the new name of the column, or { to: name }',
})

const tableRule = z
  .strictObject({
    to: name
      .describe(
        'The new name; schema-qualified (schema.table) where the table moves to another schema. Default: the old name.',
      )
      .optional(),
    columns: z
      .record(name, columnRule, { error: 'expected a mapping of old column names to new ones' })
      .describe('Renamed columns: old name to new name. All are renamed at once, so names may swap.')
      .optional(),
    added: z
      .array(name, { error: 'expected a list of new column names' })
      .describe('Columns that the migration adds, by their new names: old statements do not see them.')
      .optional(),
    insert: z
      .record(name, expression, { error: 'expected a mapping of new columns to SQL expressions' })
      .describe(
        'What an old INSERT gives to an added column: exactly one SQL expression, without references to columns.',
      )
      .optional(),
  })
  .describe('How one table of the old version is seen through the new version.')

/** One file in rules/: one step from a version to the next. */
export const ruleFileSchema = z
  .strictObject(
    {
      tables: z
        .record(name, tableRule, { error: 'expected a mapping of old table names to their rules' })
        .describe(
          'By the name in the OLD version; schema-qualified (schema.table) where the plain name is not unique.',
        ),
    },
    { error: 'expected a mapping with the key "tables"' },
  )
  .describe('pg-hotswap rule file: how the version before this migration is seen through the version after it.')

export type RuleFileInput = z.infer<typeof ruleFileSchema>

const shapes = 'so far columns and tables can be renamed, moved and added'
const types = 'so far a column keeps its type'

/** Keys of DESIGN's rule language that this release does not do. */
export const laterRuleKeys: LaterKeys = {
  type: types,
  read: shapes,
  write: shapes,
  values: types,
  outside: types,
  injective: types,
  total: types,
  monotone: types,
  dropped: 'so far a column that old statements name must stay',
  same_meaning: types,
  independent: types,
}
