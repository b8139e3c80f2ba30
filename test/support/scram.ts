import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** The client's side of one SCRAM-SHA-256 exchange without channel binding (RFC 5802, RFC 7677). */
export function scramClient(password: string) {
  const nonce = randomBytes(18).toString('base64')
  const first = `n=,r=${nonce}`
  return {
    first: `n,,${first}`,
    /** The client-final-message for the server's first one. */
    final(serverFirst: string): string {
      const { r = '', s = '', i = '' } = attributesOf(serverFirst)
      const salted = pbkdf2Sync(password, Buffer.from(s, 'base64'), Number(i), 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const withoutProof = `c=biws,r=${r}`
      const storedKey = createHash('sha256').update(clientKey).digest()
      const signature = hmac(storedKey, `${first},${serverFirst},${withoutProof}`)
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
    },
  }
}

function hmac(key: Buffer, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest()
}

function attributesOf(message: string): Partial<Record<string, string>> {
  return Object.fromEntries(message.split(',').map((attribute) => [attribute[0], attribute.slice(2)]))
}
