import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, commandLine } from '../act.ts'
import { count } from '../format.ts'
import { linkTo, param, rest, setParams } from '../model/route.ts'
import { isLive, source } from '../model/time.ts'
import { Empty, ViewHead, Wide } from '../parts.tsx'
import { partitions } from './map.tsx'

interface Shown {
  readonly text: string
  readonly bytes: number
}

interface TailRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
  readonly key: Shown | null
  readonly value: Shown | null
}

/** The last so many are kept. */
const tailMax = 200

const tail = signal<readonly TailRecord[]>([])
const refused = signal('')
const sent = signal('')

/** Reads a topic while it is looked at. */
function useTail(topic: string, from: string): void {
  useEffect(() => {
    tail.value = []
    refused.value = ''
    if (topic === '' || source.value?.kind !== 'cluster') return
    const events = new EventSource(
      `/api/topics/${encodeURIComponent(topic)}/records?offset=${from}`,
    )
    events.addEventListener('records', ({ data }: MessageEvent<string>) => {
      tail.value = [...tail.value, ...(JSON.parse(data) as TailRecord[])].slice(-tailMax)
    })
    events.addEventListener('refused', ({ data }: MessageEvent<string>) => {
      refused.value = (JSON.parse(data) as { error: string }).error
    })
    return () => events.close()
  }, [topic, from, source.value?.kind])
}

async function send(form: HTMLFormElement, topic: string): Promise<void> {
  const fields = new FormData(form)
  const partition = String(fields.get('partition') ?? '')
  const key = String(fields.get('key') ?? '')
  try {
    const answer = await ask(`/api/topics/${encodeURIComponent(topic)}/records`, {
      ...(partition === '' ? {} : { partition: Number(partition) }),
      key: key === '' ? null : key,
      value: fields.get('tombstone') === null ? String(fields.get('value') ?? '') : null,
    })
    sent.value = `Written to ${topic}-${answer.partition} at offset ${answer.offset}.`
  } catch (error) {
    sent.value = `Not written: ${(error as Error).message}`
  }
}

const text = (shown: Shown | null, what: string): JSX.Element =>
  shown === null ? (
    <span class="faint">{what}</span>
  ) : (
    <code>
      {shown.text}
      {shown.bytes > shown.text.length * 4 ? ` … (${shown.bytes} bytes)` : ''}
    </code>
  )

function Topic({ topic }: { readonly topic: string }): JSX.Element {
  const from = param('begin') === 'latest' ? 'latest' : 'earliest'
  useTail(topic, from)
  const rows = partitions.value.filter(row => row.topic === topic)
  const isCluster = source.value?.kind === 'cluster'
  return (
    <>
      <ViewHead title={topic}>
        <a href={linkTo('topics')}>All topics</a>
        <label>
          Read{' '}
          <select
            value={from}
            onChange={event => setParams({ begin: event.currentTarget.value })}
            disabled={!isCluster}
          >
            <option value="earliest">from the beginning</option>
            <option value="latest">what comes from now on</option>
          </select>
        </label>
      </ViewHead>
      <p class="faint">
        {count(rows.length, 'partition')}:{' '}
        {rows
          .map(({ partition, leader, end }) => `${partition} (leader ${leader}, end ${end})`)
          .join(', ')}
      </p>
      {isCluster ? (
        <form
          class="card produce"
          onSubmit={event => {
            event.preventDefault()
            void send(event.currentTarget, topic)
          }}
        >
          <h2>Write a record</h2>
          <label>
            Key <input name="key" placeholder="none" />
          </label>
          <label class="grow">
            Value <input name="value" />
          </label>
          <label>
            Partition{' '}
            <select name="partition">
              <option value="">by the key</option>
              {rows.map(({ partition }) => (
                <option key={partition} value={partition}>
                  {partition}
                </option>
              ))}
            </select>
          </label>
          <label>
            <input type="checkbox" name="tombstone" /> null (a tombstone)
          </label>
          <button type="submit" disabled={!isLive.value}>
            Write
          </button>
          <p role="status">{sent.value}</p>
          <p class="faint">
            <code>
              kafka-console-producer --topic {topic} --bootstrap-server {source.value?.name}
            </code>
          </p>
        </form>
      ) : (
        <Empty>A recording tells of records, and does not hold them.</Empty>
      )}
      {refused.value !== '' && <p class="word bad">⚠ {refused.value}</p>}
      {isCluster && (
        <section aria-labelledby="records">
          <h2 id="records">The last {tailMax} records</h2>
          {tail.value.length === 0 ? (
            <Empty>Nothing has come yet.</Empty>
          ) : (
            <Wide label="Records">
              <table>
                <caption class="visually-hidden">
                  Records as they were read, the newest first
                </caption>
                <thead>
                  <tr>
                    <th scope="col">Partition</th>
                    <th scope="col">Offset</th>
                    <th scope="col">Leader epoch</th>
                    <th scope="col">Timestamp</th>
                    <th scope="col">Key</th>
                    <th scope="col">Value</th>
                  </tr>
                </thead>
                <tbody>
                  {tail.value.toReversed().map(record => (
                    <tr key={`${record.partition}-${record.offset}`}>
                      <td class="number">{record.partition}</td>
                      <td class="number">{record.offset}</td>
                      <td class="number">{record.leaderEpoch}</td>
                      <td class="number">{new Date(record.timestamp).toISOString()}</td>
                      <td>{text(record.key, 'none')}</td>
                      <td>{text(record.value, 'null')}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Wide>
          )}
        </section>
      )}
    </>
  )
}

export function TopicsView(): JSX.Element {
  if (rest.value !== '') return <Topic topic={rest.value} />
  const byTopic = Map.groupBy(partitions.value, ({ topic }) => topic)
  return (
    <>
      <ViewHead title="Topics" />
      {byTopic.size === 0 ? (
        <Empty>
          There is none. <code>{commandLine('up --topic orders:3:3')}</code> begins with one.
        </Empty>
      ) : (
        <Wide label="Topics">
          <table class="card">
            <caption class="visually-hidden">Topics</caption>
            <thead>
              <tr>
                <th scope="col">Topic</th>
                <th scope="col">Partitions</th>
                <th scope="col">Replicas</th>
                <th scope="col" title="Sum of the log ends of the leaders">
                  Log ends
                </th>
                <th scope="col">Under-replicated</th>
              </tr>
            </thead>
            <tbody>
              {[...byTopic].map(([topic, rows]) => (
                <tr key={topic}>
                  <th scope="row">
                    <a href={linkTo(`topics/${topic}`)}>{topic}</a>
                  </th>
                  <td class="number">{rows.length}</td>
                  <td class="number">{rows[0]?.replicas.length ?? 0}</td>
                  <td class="number">{rows.reduce((sum, { end }) => sum + end, 0)}</td>
                  <td class="number">
                    {rows.filter(({ isr, replicas }) => isr.length < replicas.length).length}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </>
  )
}
