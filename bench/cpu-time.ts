import { readFileSync } from 'node:fs'

/** What is measured: one call is one unit of work. */
export type Subjects<Name extends string> = Readonly<Record<Name, () => unknown>>

export interface CpuTimeOptions {
  readonly rounds: number
  /** CPU microseconds that a subject takes of each round, at least; it is called once at least. */
  readonly roundMicroseconds?: number
  /** CPU microseconds that each subject runs for before the first round, so that the compiler settles. */
  readonly warmMicroseconds?: number
}

/**
 * Microseconds of this thread's CPU a call, medians over the rounds; each round measures every subject, one after another.
 * CPU time and not the clock's, so that other work on the machine counts little; and the thread's, because it is the one
 * that serves all sessions, while the compiler and the collector have threads besides.
 */
export function cpuTimes<Name extends string>(
  subjects: Subjects<Name>,
  { rounds, roundMicroseconds = 10_000, warmMicroseconds = 300_000 }: CpuTimeOptions,
): Record<Name, number> {
  const names = Object.keys(subjects) as Name[]
  const times = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (const name of names) timeOne(subjects[name], warmMicroseconds)
  for (let round = 0; round < rounds; round++) {
    for (const name of names) times.get(name)?.push(timeOne(subjects[name], roundMicroseconds))
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<Name, number>
}

function timeOne(subject: () => unknown, microseconds: number): number {
  const started = threadMicroseconds()
  let calls = 0
  let used = 0
  let calling = 1
  do {
    for (let i = 0; i < calling; i++) subject()
    calls += calling
    used = threadMicroseconds() - started
    // Asking for the time takes some microseconds: many calls for each question.
    if (used * 20 < microseconds) calling *= 2
  } while (used < microseconds)
  return used / calls
}

/** Linux tells each thread's time in nanoseconds (the first one has the process's number); elsewhere it is the process's. */
function threadMicroseconds(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    const { user, system } = process.cpuUsage()
    return user + system
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
