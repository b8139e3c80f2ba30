import { type AttemptOutcome, failed } from './attempt.js'
import type { StepCheck } from './check/check-step.js'
import type { BudgetedCheck } from './plan-within.js'

/** Asks, before anybody waits, what the app's statements are on the old schema; a failure where that cannot be known. */
export async function prepareCheck(
  check: StepCheck | undefined,
  budgetMs: number,
): Promise<BudgetedCheck | AttemptOutcome | undefined> {
  if (check === undefined) return undefined
  try {
    return { prepared: await check.prepare(), budgetMs }
  } catch (error) {
    return failed({
      sqlstate: '08006',
      message: `the statements of the running app could not be looked at: ${String(error)}`,
      hint: 'Nothing was changed. Check that the control connection reaches the database, and run the migration again.',
    })
  }
}
