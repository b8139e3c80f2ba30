/** Milliseconds. */
export interface FleetTiming {
  /** An attempt to connect fails. */
  readonly connectMs: number
  /** A connection that answers nothing counts as lost. */
  readonly answerMs: number
  /** Between two looks that stand in for lost notifications: while traffic flows, and while it is held. */
  readonly idlePollMs: number
  readonly heldPollMs: number
  /** The same while this proxy waits for the end of another one's switch, and while its own migration runs. */
  readonly memberPollMs: number
  readonly runningPollMs: number
  /** A drain that takes longer is told to the others: they must not take this proxy for silent. */
  readonly momentMs: number
  /** Between two attempts to join. */
  readonly rejoinMs: number
  /** For the others to acknowledge that they hold; at most a quarter of the hold. */
  readonly acknowledgeMs: number
  /** A proxy that has its connection, but acknowledges nothing, is not fenced before: the switch gives way instead. */
  readonly silenceMs: number
  /** Sessions held for longer are ended. */
  readonly limitMs: number
}

export const defaultTiming: FleetTiming = {
  connectMs: 5_000,
  answerMs: 3_000,
  idlePollMs: 1_000,
  heldPollMs: 25,
  memberPollMs: 100,
  runningPollMs: 250,
  momentMs: 5,
  rejoinMs: 50,
  acknowledgeMs: 250,
  silenceMs: 2_000,
  limitMs: 10_000,
}
