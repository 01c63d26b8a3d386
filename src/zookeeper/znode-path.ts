/** ZooKeeper's own nodes, there from the start. */
export const ownPaths = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'] as const

export const parentPath = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

export const lastName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const childPath = (path: string, name: string): string =>
  path === '/' ? `/${name}` : `${path}/${name}`
