import type { Address } from '../src/ports.ts'

/** Why a port cannot be listened on, and what to do. */
export const cannotListen = ({ host, port }: Address, error: Error & { code?: string }): string =>
  error.code === 'EADDRINUSE'
    ? `port ${port} on ${host} is taken: stop what listens there, or choose another port`
    : `cannot listen on ${host}:${port}: ${error.message}`
