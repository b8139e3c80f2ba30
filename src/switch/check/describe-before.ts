import pg from 'pg'
import type { Description } from '../../proxy/contracts.js'
import { type Generation, versionIndex } from '../../rewrite/generation.js'
import type { Rewriter } from '../../rewrite/outcome.js'
import { type Before, type CheckedStatement, type StatementContext, wordsOfText } from './checked-statement.js'
import { asClientKnows } from './compare-descriptions.js'
import type { Describer } from './describer.js'
import { planSql, typeList } from './plan-sql.js'
import { requestOf } from './read-ahead.js'
import type { RecordedStatement } from './recorded-statements.js'
import { groupByContext, readPath, type SearchPath, searchPathSql } from './statement-session.js'

/** How long a statement waits for a lock, or is planned, at most; traffic goes on meanwhile. */
const LOCK_MS = 200
const PLAN_MS = 1000

/** By id, what recorded statements are before the migration: carried over to the head of now, described, planned. */
export async function describeBefore(
  describer: Describer,
  recorded: readonly RecordedStatement[],
  { generation, rewriter }: { readonly generation: Generation; readonly rewriter: Rewriter },
): Promise<ReadonlyMap<string, CheckedStatement>> {
  const { query } = describer
  await query(
    `SET lock_timeout = ${LOCK_MS}; SET statement_timeout = ${PLAN_MS}; SET plan_cache_mode = force_generic_plan`,
  )
  const described = new Map<string, CheckedStatement>()
  for (const group of groupByContext(recorded)) {
    const { path, setting } = await becomeRole(describer, group[0])
    for (const statement of group) {
      const version = versionIndex(generation, statement.version)
      if (version < 0) continue
      const { text, parameterOids } = statement
      const outcome = rewriter.rewrite(requestOf(statement, version, path))
      const sent = outcome.kind === 'unchanged' ? text : outcome.text
      const oids = rewriter.typeOids?.(version)
      let before: Before
      if (outcome.kind === 'refused') before = { kind: 'refused' }
      else if (!statement.describable) before = { kind: 'rewritten' }
      else {
        const types = parameterOids.map((oid) => oids?.toServer.get(oid) ?? oid)
        const description = await describer.describe(sent, types)
        before = description.ok
          ? {
              kind: 'described',
              description: asClientKnows(description, oids),
              plans: await canPlan(describer, sent, types, description),
            }
          : { kind: 'failed', error: description.error }
      }
      const words = wordsOfText(sent)
      described.set(statement.id, {
        text,
        version: statement.version,
        role: statement.role,
        // Read here, also where it is the role's default: what a migration makes of that is for new sessions.
        searchPath: setting,
        parameterOids,
        recorded: true,
        words,
        ownWords: sent === text ? words : wordsOfText(text),
        before,
        ...(before.kind === 'described' ? { newest: { text: sent, path } } : {}),
      })
    }
  }
  return described
}

/** Takes on the role where the connection may, and gives what its bare names are looked up in. */
async function becomeRole({ query }: Describer, context: StatementContext | undefined): Promise<SearchPath> {
  if (context === undefined) return { path: [], setting: '' }
  await query('RESET ROLE')
  await query(searchPathSql(context, false))
  if (context.role !== undefined) {
    await query(`SET ROLE ${pg.escapeIdentifier(context.role)}`).catch((error: { code?: string }) => {
      // A role that is gone, or that the connection may not take on: the statement is looked at with its own rights.
      if (error.code === undefined) throw error
    })
  }
  return await readPath(query)
}

async function canPlan(
  { query }: Describer,
  text: string,
  types: readonly number[],
  description: Extract<Description, { ok: true }>,
): Promise<boolean> {
  try {
    await query(planSql('hotswap_plan', text, await typeList(query, types), description.parameters.length))
    await query('DEALLOCATE hotswap_plan')
    return true
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error
    await query('DEALLOCATE hotswap_plan').catch(() => undefined)
    return false
  }
}
