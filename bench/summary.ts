import type { LoadResult } from './load.js'

/** One round at one subject. */
export interface Result extends LoadResult {
  /** Microseconds of CPU that the process between used for one statement, where that is known. */
  readonly cpuUs?: number
}

/** One workload with one number of clients, measured at every subject in turn. */
export interface Cell {
  readonly workload: string
  readonly clients: number
  /** By subject: one result a round; results of one round were measured one after another. */
  readonly results: Readonly<Record<string, readonly Result[]>>
}

/** Medians over the rounds; ratios are medians of the rounds' own ratios. */
export interface SubjectSummary {
  readonly subject: string
  readonly rate: number
  readonly latencyUs: number
  /** Of the forwarder's rate. */
  readonly ofForwarder: number
  /** More latency than the forwarder's, in microseconds. */
  readonly overForwarderUs: number
  /** NaN where it is not known. */
  readonly cpuUs: number
}

export interface CellSummary {
  readonly workload: string
  readonly clients: number
  readonly subjects: readonly SubjectSummary[]
}

export function summarise(cell: Cell, baseline: string): CellSummary {
  const forwarder = cell.results[baseline] ?? []
  const subjects = Object.entries(cell.results).map(([subject, results]) => ({
    subject,
    rate: median(results.map(({ rate }) => rate)),
    latencyUs: median(results.map(({ latencyUs }) => latencyUs)),
    ofForwarder: median(results.map(({ rate }, round) => rate / (forwarder[round]?.rate ?? Number.NaN))),
    overForwarderUs: median(
      results.map(({ latencyUs }, round) => latencyUs - (forwarder[round]?.latencyUs ?? Number.NaN)),
    ),
    cpuUs: median(results.map(({ cpuUs }) => cpuUs ?? Number.NaN)),
  }))
  return { workload: cell.workload, clients: cell.clients, subjects }
}

export function formatSummaries(summaries: readonly CellSummary[]): string {
  const lines = [
    `${'workload'.padEnd(27)}${'clients'.padStart(8)}  ${'through'.padEnd(22)}${'a second'.padStart(10)}${'us'.padStart(9)}${'of forwarder'.padStart(14)}${'us over it'.padStart(12)}${'CPU us'.padStart(9)}`,
  ]
  for (const { workload, clients, subjects } of summaries) {
    for (const { subject, rate, latencyUs, ofForwarder, overForwarderUs, cpuUs } of subjects) {
      lines.push(
        `${workload.padEnd(27)}${String(clients).padStart(8)}  ${subject.padEnd(22)}${rate.toFixed(0).padStart(10)}${latencyUs.toFixed(1).padStart(9)}${`${ofForwarder.toFixed(2)}x`.padStart(14)}${overForwarderUs.toFixed(1).padStart(12)}${(Number.isNaN(cpuUs) ? '' : cpuUs.toFixed(1)).padStart(9)}`,
      )
    }
  }
  return lines.join('\n')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
