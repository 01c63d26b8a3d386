import type { AnyActorRef, AnyStateMachine, EmittedFrom, EventFromLogic } from 'xstate'

/** One performer for each command of a chart: the compiler refuses a missing one. It decides nothing. */
export type Performers<M extends AnyStateMachine> = {
  [K in EmittedFrom<M>['type']]: (
    command: Extract<EmittedFrom<M>, { type: K }>,
    send: (fact: EventFromLogic<M>) => void,
  ) => void
}

/** What the registry adds to every chart: how facts get in, who hears of commands and failures. */
export interface Wiring<M extends AnyStateMachine> {
  /** Instead of the actor's own mailbox: keeps the cause of each fact. */
  send?(fact: EventFromLogic<M>): void
  performing?(command: EmittedFrom<M>): void
  /** A performer threw. Bare XState would rethrow later, outside, and leave the actor active. */
  failed?(error: unknown): void
}

/**
 * Chart + performers → actor logic: ordinary XState logic that can be created, spawned and inspected.
 *
 * Performers run after the snapshot is updated; a `send` from inside one waits in the mailbox, so run to completion
 * holds. They are attached in the logic's `start`, which XState calls before the entry actions' deferred
 * emits (a test pins that order).
 *
 * @throws nothing by itself; a throwing performer fails the actor (`wiring.failed`).
 */
export function performing<M extends AnyStateMachine>(
  machine: M,
  performers: Performers<M>,
  wiring: Wiring<M> = {},
): M {
  const perform = performers as Record<
    string,
    (command: unknown, send: (fact: EventFromLogic<M>) => void) => void
  >
  const attach = (self: AnyActorRef): void => {
    const send = wiring.send?.bind(wiring) ?? ((fact: EventFromLogic<M>) => self.send(fact))
    self.on('*', (command: { type: string }) => {
      try {
        wiring.performing?.(command as EmittedFrom<M>)
        const performer = perform[command.type]
        if (performer === undefined) throw new Error(`no performer for ${command.type}`)
        performer(command, send)
      } catch (error) {
        if (wiring.failed === undefined) throw error
        wiring.failed(error)
      }
    })
  }
  return Object.create(machine, {
    start: {
      value(snapshot: unknown, scope: { self: AnyActorRef }) {
        attach(scope.self)
        // biome-ignore lint/suspicious/noExplicitAny: XState's own types for these two are not exported
        ;(machine.start as any)(snapshot, scope)
      },
    },
  }) as M
}
