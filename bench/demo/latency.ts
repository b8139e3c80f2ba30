/** Latencies in the order of their ends. */
export interface LatencyLog {
  /** Adds a query that began and ended at these times (milliseconds, as `performance.now` gives them). */
  add(began: number, ended: number): void
  readonly count: number
  /** Of the queries that ended after `from` and began before `to`. */
  between(from: number, to: number): LatencySummary
}

export interface LatencySummary {
  readonly queries: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function createLatencyLog(): LatencyLog {
  const begins: number[] = []
  const ends: number[] = []
  return {
    add(began, ended) {
      begins.push(began)
      ends.push(ended)
    },
    get count() {
      return ends.length
    },
    between(from, to) {
      const found: number[] = []
      ends.forEach((ended, index) => {
        const began = begins[index] ?? ended
        if (ended > from && began < to) found.push(ended - began)
      })
      found.sort((left, right) => left - right)
      const at = (share: number) => found[Math.min(found.length - 1, Math.floor(found.length * share))] ?? 0
      return { queries: found.length, p50: at(0.5), p99: at(0.99), max: at(1) }
    },
  }
}
