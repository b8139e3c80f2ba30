/** Milliseconds. */
export interface FleetTiming {
  /** An attempt to connect fails. */
  readonly connectMs: number
  /** A connection that answers nothing counts as lost. */
  readonly answerMs: number
  /** Between two looks that stand in for lost notifications: while traffic flows, and while it is held. */
  readonly idlePollMs: number
  readonly heldPollMs: number
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
  rejoinMs: 50,
  acknowledgeMs: 250,
  silenceMs: 2_000,
  limitMs: 10_000,
}
