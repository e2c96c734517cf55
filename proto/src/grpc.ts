/**
 * Protobuf-es services on grpc-js: grpc-js carries bytes, this hands it the encoders. Requests take plain objects
 * (`MessageInitShape`); answers are messages.
 */
import { create, type DescMessage, type DescMethod, type DescService, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';

type Streaming = 'unary' | 'client_streaming' | 'server_streaming' | 'bidi_streaming';
type Method<K extends Streaming, I extends DescMessage, O extends DescMessage> = { readonly methodKind: K; readonly input: I; readonly output: O };

/** What a server implements: one grpc-js handler for each method. Answers may be plain objects. */
export type ServiceHandlers<S extends DescService> = {
  readonly [K in keyof S['method']]: S['method'][K] extends Method<'unary', infer I, infer O>
    ? grpc.handleUnaryCall<MessageShape<I>, MessageInitShape<O>>
    : S['method'][K] extends Method<'bidi_streaming', infer I, infer O>
      ? grpc.handleBidiStreamingCall<MessageShape<I>, MessageInitShape<O>>
      : S['method'][K] extends Method<'server_streaming', infer I, infer O>
        ? grpc.handleServerStreamingCall<MessageShape<I>, MessageInitShape<O>>
        : S['method'][K] extends Method<'client_streaming', infer I, infer O>
          ? grpc.handleClientStreamingCall<MessageShape<I>, MessageInitShape<O>>
          : never;
};

/** Every call has an end: `timeoutMs` is required, `signal` ends it earlier. */
export type CallOptions = { readonly timeoutMs: number; readonly signal?: AbortSignal };

export type ServiceClient<S extends DescService> = {
  readonly [K in keyof S['method']]: S['method'][K] extends Method<'unary', infer I, infer O>
    ? (request: MessageInitShape<I>, options: CallOptions) => Promise<MessageShape<O>>
    : S['method'][K] extends Method<'bidi_streaming', infer I, infer O>
      ? () => grpc.ClientDuplexStream<MessageInitShape<I>, MessageShape<O>>
      : never;
} & { readonly close: () => void; readonly channel: grpc.Client };

function serializer(schema: DescMessage): (value: object) => Buffer {
  return (value) => {
    const message = '$typeName' in value ? value : create(schema, value as MessageInitShape<DescMessage>);
    const bytes = toBinary(schema, message as MessageShape<DescMessage>);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function methodDefinition(method: DescMethod): grpc.MethodDefinition<object, object> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: serializer(method.input),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: serializer(method.output),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function serviceDefinition(service: DescService): Record<string, grpc.MethodDefinition<object, object>> {
  return Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(method)]));
}

export function addGrpcService<S extends DescService>(server: grpc.Server, service: S, handlers: ServiceHandlers<S>): void {
  server.addService(serviceDefinition(service), handlers as unknown as grpc.UntypedServiceImplementation);
}

/** Failed calls reject with a grpc-js `ServiceError` (`code`, `details`). The caller closes the client. */
export function createGrpcClient<S extends DescService>(
  service: S,
  address: string,
  credentials: grpc.ChannelCredentials,
  options: grpc.ChannelOptions = {},
): ServiceClient<S> {
  const client = new grpc.Client(address, credentials, options);
  const methods = service.methods.map((method) => {
    const definition = methodDefinition(method);
    const call = method.methodKind === 'bidi_streaming' ? () => openStream(client, definition) : unaryCaller(client, definition);
    return [method.localName, call] as const;
  });
  return { ...Object.fromEntries(methods), close: () => client.close(), channel: client } as unknown as ServiceClient<S>;
}

function openStream(client: grpc.Client, definition: grpc.MethodDefinition<object, object>): grpc.ClientDuplexStream<object, object> {
  return client.makeBidiStreamRequest(definition.path, definition.requestSerialize, definition.responseDeserialize);
}

function unaryCaller(client: grpc.Client, definition: grpc.MethodDefinition<object, object>) {
  return (request: object, { timeoutMs, signal }: CallOptions): Promise<object> =>
    new Promise((resolve, reject) => {
      const abort = (): void => call.cancel();
      const call = client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        { deadline: Date.now() + timeoutMs },
        (error: grpc.ServiceError | null, answer?: object) => {
          signal?.removeEventListener('abort', abort);
          if (error === null) resolve(answer as object);
          else reject(error);
        },
      );
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
}
