/**
 * Why generated statements may be refused, with names left out. The README says of each what to do; a reason that is
 * not in this list fails the run.
 */
export const documentedRefusals: readonly string[] = []

/** A reason without the names and numbers of its statement. */
export function normalizedReason(reason: string): string {
  return reason.replace(/"(?:[^"]|"")*"/g, '"..."').replace(/\b\d+\b/g, 'N')
}
