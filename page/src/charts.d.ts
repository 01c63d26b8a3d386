declare module 'samsa:charts' {
  const charts: readonly import('./model/chart.ts').Chart[]
  export default charts
}
declare module '*.css'
