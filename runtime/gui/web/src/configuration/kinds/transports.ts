import type { JsonObject } from '../../api/types'
import { at, steps, textOf } from '../draft'
import type { Option } from '../kind'

/** A way to send: the type that its resources have, and the connector, as the API names them. */
interface Transport {
  type: string
  connector: string
  label: string
}

/** The connector that sends HTTP requests. */
export const HTTP = 'tracardi.process_engine.destination.http_connector.HttpConnector'

const queue = (type: string, connector: string, label: string): Transport => ({ type, connector: `com_tracardi.destination.${connector}`, label })

const TRANSPORTS: readonly Transport[] = [
  { type: 'api', connector: HTTP, label: 'Web service (HTTP)' },
  queue('kafka', 'kafka_connector.KafkaConnector', 'Kafka'),
  queue('rabbitmq', 'rabbitmq_connector.RabbitMqConnector', 'RabbitMQ'),
  queue('mqtt', 'mqtt_connector.MqttConnector', 'MQTT 5'),
  queue('apache-pulsar', 'pulsar_connector.PulsarConnector', 'Pulsar'),
  queue('redis', 'redis_connector.RedisConnector', 'Redis stream'),
]

export const TYPES: readonly Option[] = TRANSPORTS.map(({ type, label }) => ({ value: type, label }))
export const CONNECTORS: readonly Option[] = TRANSPORTS.map(({ connector, label }) => ({ value: connector, label }))

/** What people call a type of resource. */
export const typeLabel = (type: unknown): string => TRANSPORTS.find(known => known.type === type)?.label ?? textOf(type)

/** The transport of a destination; HTTP, if it names none that is known. */
const transportOf = (record: JsonObject): Transport | undefined => {
  const connector = at(record, steps('destination.package'))
  return TRANSPORTS.find(known => known.connector === connector)
}

/** What people call the way in which a destination is sent. */
export const connectorLabel = (record: JsonObject): string => transportOf(record)?.label ?? 'an unknown connector'

/** Whether a resource is of one of these types. */
export const ofType =
  (...types: string[]) =>
  (record: JsonObject): boolean =>
    types.includes(textOf(record.type))

/** Whether a destination goes to resources of one of these types. */
export const sentTo =
  (...types: string[]) =>
  (record: JsonObject): boolean =>
    types.includes(transportOf(record)?.type ?? '')
