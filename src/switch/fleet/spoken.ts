import type { Requests } from './requests.js'
import { encodeSpoken, type SpokenVersions } from './spoken-versions.js'

export interface SpokenSeams {
  /** What the sessions of this proxy speak now, those among them that are being admitted. */
  spoken(): SpokenVersions
  /** Makes a request; undefined where its answer was lost. */
  ask<T>(request: (requests: Requests, me: number) => Promise<T>): Promise<T | undefined>
}

/** What the other proxies know of the versions that are spoken here. */
export interface Spoken {
  /**
   * To be called while a session that is to speak the version is there already: `known` once the others know, `retired`
   * where nobody may speak it any more, undefined where nobody could be told.
   */
  ensure(version: string): Promise<'known' | 'retired' | undefined>
  /** Tells the others what is spoken now; false where they could not be told. */
  tell(): Promise<boolean>
  /** Tells them if anything is new. */
  look(): void
  /** What they know is not known any more. */
  forget(): void
}

/**
 * Tells the others at once of a version that is spoken for the first time, since its session has to wait for that; of all
 * else when it is looked at.
 */
export function createSpoken({ spoken, ask }: SpokenSeams): Spoken {
  /** Versions that the others know of: those of the last request that was answered. */
  let told: ReadonlySet<string> = new Set()
  let toldText: string | undefined
  let telling: Promise<readonly string[] | undefined> | undefined

  /** Gives those of the versions that were retired. */
  const tellNow = async (): Promise<readonly string[] | undefined> => {
    const now = spoken()
    const text = encodeSpoken(now)
    const answer = await ask((requests, me) => requests.speak(me, text))
    if (answer?.retired === undefined) return undefined
    const { retired } = answer
    told = new Set([...now.keys()].filter((version) => !retired.includes(version)))
    toldText = text
    return retired
  }
  /** One at a time: who comes while one is under way waits for the next, which has what is spoken since. */
  const tell = async (): Promise<readonly string[] | undefined> => {
    while (telling !== undefined) await telling
    telling = tellNow().finally(() => {
      telling = undefined
    })
    return await telling
  }

  return {
    async ensure(version) {
      while (telling !== undefined) await telling
      if (told.has(version)) return 'known'
      const retired = await tell()
      if (retired === undefined) return undefined
      // Where it is not spoken any more, its session has ended meanwhile.
      return retired.includes(version) ? 'retired' : 'known'
    },
    tell: async () => (await tell()) !== undefined,
    look() {
      if (telling === undefined && encodeSpoken(spoken()) !== toldText) tell().catch(() => undefined)
    },
    forget() {
      told = new Set()
      toldText = undefined
    },
  }
}
