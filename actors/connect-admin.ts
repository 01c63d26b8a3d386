import type { Platform } from '../src/ports.ts'
import { type LogicOptions, ownWorld } from './client/actor-logic.ts'
import { startAdmin } from './client/admin.ts'
import type { AdminConfig } from './client/admin-config.ts'
import { type AdminHandle, adminHandle } from './client-handles.ts'

/**
 * An admin of any cluster, Samsa's or another: `connectAdmin(platform, { bootstrapServers })`. It connects when first asked, and runs until
 * it is closed.
 *
 * @throws KafkaError INVALID_CONFIG
 */
export function connectAdmin(
  platform: Platform,
  { name, ...config }: AdminConfig & { readonly name?: string },
  options: LogicOptions = {},
): AdminHandle {
  const path = name ?? config.clientId ?? 'admin'
  const { world, end } = ownWorld(platform, path, options.trace, error => {
    throw error
  })
  return adminHandle(platform, startAdmin(world, config), end)
}
