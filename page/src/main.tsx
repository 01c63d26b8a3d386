import { render } from 'preact'
import { App } from './app.tsx'
import { connect } from './model/time.ts'
import './page.css'

connect()
render(<App />, document.body)
