/** The points of a switch, in their order. Tests let processes die there. */
export const SWITCH_POINTS = ['holding', 'drained', 'ran', 'planned', 'recorded', 'committed', 'published'] as const

export type SwitchPoint = (typeof SWITCH_POINTS)[number]

/** Called at each point; the switch goes on when it has ended. */
export type AtPoint = (point: SwitchPoint) => Promise<void>

export const goOn: AtPoint = async () => undefined
